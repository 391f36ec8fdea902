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

// Types of records (RFC 8446 5.1) and of handshake messages that matter to anyone
// but crypto/tls.
const (
	recordCCS         = 20
	recordApplication = 23
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

// OnlyProtected reports whether records, which are whole ones, hold nothing in the
// clear but change_cipher_spec: what a TLS 1.3 client sends after an accepted
// ClientHello, and never the answer to a HelloRetryRequest.
func OnlyProtected(records []byte) bool {
	for len(records) >= recordHeaderBytes {
		if t := records[0]; t != recordCCS && t != recordApplication {
			return false
		}
		size := recordHeaderBytes + int(binary.BigEndian.Uint16(records[3:]))
		records = records[min(size, len(records)):]
	}
	return true
}
