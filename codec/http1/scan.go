package http1

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// scanHead finds the end of the head at the front of buf: the index after its
// blank line, or 0 when it is not there yet.
//
// from is the first byte no earlier call has looked at. It only skips work: every
// decision is bound to a place in the stream, the first such place wins, and a
// refusal is the same however the bytes were cut. So a bare LF is answered when it
// arrives and not when a blank line does, which a sender of bare LFs would never
// send.
func scanHead(buf []byte, from, limit int) (end int, code Code) {
	window := buf[:min(len(buf), limit)]
	for i := from; i < len(window); i++ {
		j := bytes.IndexByte(window[i:], '\n')
		if j < 0 {
			break
		}
		i += j
		if i == 0 || window[i-1] != '\r' {
			return 0, CodeBareLF
		}
		if i >= 2 && window[i-2] == '\n' {
			return i + 1, CodeOK
		}
	}
	if len(buf) >= limit {
		return 0, CodeHeadTooLarge
	}
	return 0, CodeOK
}

const (
	swarOnes = 0x0101010101010101
	swarHigh = 0x8080808080808080
)

// valueEnd returns the index of the first control byte other than HTAB in b from
// at on, or len(b). It looks at eight bytes at a time: a byte below 0x20 borrows
// when 0x20 is subtracted, and DEL, which xor makes zero, when 1 is. A borrow may
// also mark bytes above the first hit, and HTAB is a hit, so each hit is looked up.
func valueEnd(b []byte, at int) int {
	for ; at+8 <= len(b); at += 8 {
		x := binary.LittleEndian.Uint64(b[at:])
		del := x ^ 0x7f*swarOnes
		hits := ((x-0x20*swarOnes)&^x | (del-swarOnes)&^del) & swarHigh
		for ; hits != 0; hits &= hits - 1 {
			if i := at + bits.TrailingZeros64(hits)/8; class[b[i]]&isValue == 0 {
				return i
			}
		}
	}
	for at < len(b) && class[b[at]]&isValue != 0 {
		at++
	}
	return at
}
