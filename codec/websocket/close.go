package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxReason is what a control payload leaves for the reason, in bytes.
const maxReason = MaxControlPayload - 2

// ValidCloseCode reports whether code may be sent in a close frame: what the IANA
// "WebSocket Close Code Number Registry" assigns for that (read in 2026: 1000 to
// 1003 and 1007 to 1014), and the ranges 3000 to 3999 for libraries and 4000 to
// 4999 for private use. 1004 has no meaning; 1005, 1006 and 1015 are for reports
// inside an endpoint and never on the wire (RFC 6455 7.4.1).
func ValidCloseCode(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// AppendClose appends a whole close frame without a mask, as a server sends it.
// A client's is AppendHeader, AppendCloseBody and Mask. code must be valid by
// ValidCloseCode.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	reason = fitReason(reason)
	dst = AppendHeader(dst, &Header{Fin: true, OpCode: OpClose, Length: int64(2 + len(reason))})
	return AppendCloseBody(dst, code, reason)
}

// AppendCloseBody appends the payload of a close frame, at most MaxControlPayload
// bytes: a longer reason is cut, between two characters.
func AppendCloseBody(dst []byte, code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, code), fitReason(reason)...)
}

func fitReason(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for n > 0 && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}

// ParseClose checks the unmasked payload of a close frame (RFC 6455 5.5.1). status
// is 0 for the empty payload, which is legal. reason aliases payload.
func ParseClose(payload []byte) (status uint16, reason []byte, code Code) {
	switch len(payload) {
	case 0:
		return 0, nil, CodeOK
	case 1:
		return 0, nil, CodeCloseLength
	}
	status, reason = binary.BigEndian.Uint16(payload), payload[2:]
	if !ValidCloseCode(status) {
		return 0, nil, CodeCloseStatus
	}
	if !utf8.Valid(reason) {
		return 0, nil, CodeCloseReason
	}
	return status, reason, CodeOK
}
