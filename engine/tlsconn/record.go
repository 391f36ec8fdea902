package tlsconn

import "encoding/binary"

const (
	recordHeaderBytes = 5
	// maxCiphertext is the longest record of TLS 1.2 (RFC 5246 6.2.3); those of 1.3
	// are shorter.
	maxCiphertext = 16384 + 2048
	// MaxRecordBytes is the longest record, header included: the most that Whole may
	// leave.
	MaxRecordBytes = recordHeaderBytes + maxCiphertext
	// impossibleMajor is from where on a major version is none: crypto/tls refuses it
	// by the header alone, in every state. All text is beyond it.
	impossibleMajor = 0x10
)

// Whole is how many bytes at the front of b are whole records. A header that cannot
// be one counts as whole with all that follows: crypto/tls is to see it and say what
// is wrong, at once, and not when a peer that speaks no TLS has sent as many bytes as
// its text happens to announce.
func Whole(b []byte) int {
	n := 0
	for len(b)-n >= recordHeaderBytes {
		size := int(binary.BigEndian.Uint16(b[n+3:]))
		if size > maxCiphertext || b[n+1] >= impossibleMajor {
			return len(b)
		}
		if len(b)-n < recordHeaderBytes+size {
			break
		}
		n += recordHeaderBytes + size
	}
	return n
}
