package websocket

import (
	"crypto/sha1"
	"encoding/base64"
)

const (
	// keyGUID is the constant every server appends to the key (RFC 6455 1.3).
	keyGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

	// KeySize is the size in bytes of a Sec-WebSocket-Key: base64 of 16 bytes.
	KeySize = 24
	// AcceptSize is the size in bytes of a Sec-WebSocket-Accept: base64 of a SHA-1.
	AcceptSize = 28
)

// ValidKey reports whether key is a Sec-WebSocket-Key (RFC 6455 4.1): base64 of
// exactly 16 bytes, in the one spelling RFC 4648 gives it. Keys whose unused
// bits are set are refused, so two peers can never read one key differently.
func ValidKey(key []byte) bool {
	if len(key) != KeySize || key[22] != '=' || key[23] != '=' {
		return false
	}
	for _, c := range key[:21] {
		if !isBase64(c) {
			return false
		}
	}
	// 21 characters hold 126 of the 128 bits. The last one holds 2, and its low
	// 4 bits must be zero.
	switch key[21] {
	case 'A', 'Q', 'g', 'w':
		return true
	}
	return false
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// AppendAccept appends the Sec-WebSocket-Accept value that answers key, always
// AcceptSize bytes (RFC 6455 4.2.2). key must have passed ValidKey; for a key of
// any other length nothing is appended. It does not allocate if dst has room.
func AppendAccept(dst, key []byte) []byte {
	if len(key) != KeySize {
		return dst
	}
	var in [KeySize + len(keyGUID)]byte
	copy(in[:], key)
	copy(in[KeySize:], keyGUID)
	sum := sha1.Sum(in[:])
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// ValidAccept reports whether accept is the answer to key (RFC 6455 4.1, step 4
// of the client's checks). Both are field values without surrounding whitespace.
func ValidAccept(accept, key []byte) bool {
	if len(accept) != AcceptSize || len(key) != KeySize {
		return false
	}
	var want [AcceptSize]byte
	return string(AppendAccept(want[:0], key)) == string(accept)
}
