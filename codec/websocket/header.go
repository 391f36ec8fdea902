package websocket

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Header is a frame header (RFC 6455 5.2). Rsv holds RSV1 to RSV3 as the bits 4,
// 2 and 1. Mask counts only if Masked is set. Length is the size of the payload in
// bytes, never negative.
type Header = ws.Header

// OpCode is the meaning of a frame.
type OpCode = ws.OpCode

// The opcodes of RFC 6455. All others are reserved.
const (
	OpContinuation = ws.OpContinuation
	OpText         = ws.OpText
	OpBinary       = ws.OpBinary
	OpClose        = ws.OpClose
	OpPing         = ws.OpPing
	OpPong         = ws.OpPong
)

const (
	// MaxHeaderSize is the size of the longest frame header, in bytes.
	MaxHeaderSize = ws.MaxHeaderSize
	// MaxControlPayload is the longest payload of a control frame, in bytes.
	MaxControlPayload = ws.MaxControlFramePayloadSize
)

const (
	finBit    = 0x80
	maskBit   = 0x80
	len16     = 126 // the length is in the next 2 bytes
	len64     = 127 // the length is in the next 8 bytes
	maxLen16  = 1<<16 - 1
	maskBytes = 4
)

// ParseHeader parses one frame header from the front of in into h and returns its
// size, 2 to 14 bytes. n == 0 with CodeOK means that in is an unfinished
// prefix: call again with the same bytes and more.
//
// A broken rule is reported at the first byte that shows it, so the code does not
// depend on how the bytes were cut. h is unspecified unless n > 0. RSV bits, the
// presence of a mask and the order of frames are left to the caller. in is not
// kept; nothing is allocated.
func ParseHeader(in []byte, h *Header) (n int, code Code) {
	if len(in) == 0 {
		return 0, CodeOK
	}
	h.Fin = in[0]&finBit != 0
	h.Rsv = in[0] >> 4 & 7
	h.OpCode = OpCode(in[0] & 0x0f)
	if h.OpCode.IsReserved() {
		return 0, CodeReservedOpCode
	}
	if h.OpCode.IsControl() && !h.Fin {
		return 0, CodeFragmentedControl
	}
	if len(in) == 1 {
		return 0, CodeOK
	}
	short := in[1] &^ maskBit
	if h.OpCode.IsControl() && short > MaxControlPayload {
		return 0, CodeLongControl
	}
	h.Masked = in[1]&maskBit != 0
	h.Length, n, code = parseLength(in, short)
	if n == 0 || !h.Masked {
		return n, code
	}
	if len(in) < n+maskBytes {
		return 0, CodeOK
	}
	h.Mask = [maskBytes]byte(in[n:])
	return n + maskBytes, CodeOK
}

// parseLength reads the payload length; n is the offset of what follows it.
func parseLength(in []byte, short byte) (length int64, n int, code Code) {
	switch short {
	default:
		return int64(short), 2, CodeOK
	case len16:
		if len(in) < 4 {
			return 0, 0, CodeOK
		}
		if length = int64(binary.BigEndian.Uint16(in[2:])); length < len16 {
			return 0, 0, CodeLengthForm
		}
		return length, 4, CodeOK
	case len64:
		if len(in) > 2 && in[2]&0x80 != 0 {
			return 0, 0, CodeLengthSign
		}
		if len(in) < 10 {
			return 0, 0, CodeOK
		}
		if length = int64(binary.BigEndian.Uint64(in[2:])); length <= maxLen16 {
			return 0, 0, CodeLengthForm
		}
		return length, 10, CodeOK
	}
}

// AppendHeader appends h in its shortest form, at most MaxHeaderSize bytes. It
// writes what it is told: that h is legal is the caller's affair.
func AppendHeader(dst []byte, h *Header) []byte {
	b0, b1 := h.Rsv&7<<4|byte(h.OpCode)&0x0f, byte(0)
	if h.Fin {
		b0 |= finBit
	}
	if h.Masked {
		b1 = maskBit
	}
	switch {
	case h.Length < len16:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length <= maxLen16:
		dst = binary.BigEndian.AppendUint16(append(dst, b0, b1|len16), uint16(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, b0, b1|len64), uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Mask[:]...)
	}
	return dst
}

// Mask masks or unmasks payload in place (RFC 6455 5.3). offset is how many bytes
// of the frame's payload came before it, so a payload may be masked in pieces.
func Mask(payload []byte, mask [4]byte, offset int) {
	// Only the position in the mask matters, and the kernel needs it positive.
	ws.Cipher(payload, mask, offset&(maskBytes-1))
}
