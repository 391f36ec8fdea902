package tlshello

import "encoding/binary"

const (
	// MaxBytes bounds the records of a ClientHello, headers included: a buffer of
	// this size always leads to an answer. It is what crypto/tls takes, but for the
	// headers.
	MaxBytes = 64 << 10
	// MaxRecords bounds how many records a ClientHello may be cut into. Each costs a
	// step whenever more bytes arrive, so a hello in records of one byte must not run
	// to thousands.
	MaxRecords = 512
)

const (
	recordHeaderBytes  = 5
	messageHeaderBytes = 4
	maxRecordBytes     = 1 << 14
	typeHandshake      = 22
	typeClientHello    = 1
	majorVersion       = 3
)

// Verdict is what the first bytes of a stream say.
type Verdict uint8

// The verdicts. No and Yes are final: more bytes never change them.
const (
	No Verdict = iota
	Maybe
	Yes
)

// LooksLikeTLS reports whether buf, the first bytes of a stream, begins a TLS
// handshake as Parse takes it. Two bytes are enough to be sure; what follows them may
// still be refused.
func LooksLikeTLS(buf []byte) Verdict {
	switch {
	case len(buf) > 0 && buf[0] != typeHandshake, len(buf) > 1 && buf[1] != majorVersion:
		return No
	case len(buf) < 2:
		return Maybe
	}
	return Yes
}

// recordLength checks the record header at the front of buf and returns the size of
// the payload; 0 with CodeOK if the header is unfinished. The minor version is
// ignored (RFC 8446 5.1): real clients send 3.1 and 3.3.
func recordLength(buf []byte) (int, Code) {
	if len(buf) > 0 && buf[0] != typeHandshake {
		return 0, CodeRecordType
	}
	if len(buf) > 1 && buf[1] != majorVersion {
		return 0, CodeRecordVersion
	}
	if len(buf) < recordHeaderBytes {
		return 0, CodeOK
	}
	n := int(binary.BigEndian.Uint16(buf[3:]))
	if n == 0 || n > maxRecordBytes {
		return 0, CodeRecordLength
	}
	return n, CodeOK
}

// extent is where a ClientHello ends.
type extent struct {
	end     int // of its last record, in bytes; 0 if not all are there
	records int
	size    int // of the message, its header included
}

// measure finds the end of the ClientHello by its headers alone: a step a record,
// whatever they hold, so that a slow sender costs no more than its packets do. Bytes
// are judged in the order they came, which makes the answer independent of the cuts.
func measure(buf []byte) (e extent, code Code) {
	var head [messageHeaderBytes]byte // of the message: records may cut it
	have := 0                         // bytes of the message in the records passed
	for at := 0; ; {
		if e.records == MaxRecords {
			return e, CodeTooManyRecords
		}
		length, code := recordLength(buf[at:])
		if length == 0 {
			return e, code
		}
		start := at + recordHeaderBytes
		at = start + length
		if at > MaxBytes {
			return e, CodeTooLarge
		}
		e.records++
		if have < messageHeaderBytes {
			seen := have + copy(head[have:], buf[start:min(at, len(buf))])
			if seen > 0 && head[0] != typeClientHello {
				return e, CodeMessageType
			}
			if seen == messageHeaderBytes {
				e.size = messageHeaderBytes + int(head[1])<<16 + int(head[2])<<8 + int(head[3])
				if e.size > MaxBytes-recordHeaderBytes {
					return e, CodeTooLarge
				}
			}
		}
		if at > len(buf) {
			return e, CodeOK
		}
		have += length
		if e.size > 0 && have >= e.size {
			e.end = at
			return e, CodeOK
		}
	}
}

// join appends the payloads of the records in buf, which measure has passed.
func join(dst, buf []byte) []byte {
	for at := 0; at < len(buf); {
		start := at + recordHeaderBytes
		at = start + int(binary.BigEndian.Uint16(buf[at+3:]))
		dst = append(dst, buf[start:at]...)
	}
	return dst
}
