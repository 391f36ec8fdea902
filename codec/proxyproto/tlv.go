package proxyproto

import (
	"encoding/binary"
	"iter"
)

// Type is the type of a TLV (2.2), or of a TLV inside of one of TypeSSL (2.2.6).
type Type uint8

// The registered types.
const (
	TypeALPN      Type = 0x01 // 2.2.1: the application protocol of the connection
	TypeAuthority Type = 0x02 // 2.2.2: the host name the client gave, say by SNI
	TypeCRC32C    Type = 0x03 // 2.2.3: checksum of the header
	TypeNoop      Type = 0x04 // 2.2.4: padding
	TypeUniqueID  Type = 0x05 // 2.2.5: names the connection, at most 128 bytes
	TypeSSL       Type = 0x20 // 2.2.6: see SSL
	TypeNetNS     Type = 0x30 // 2.2.7: network namespace

	// Inside TypeSSL.
	SubtypeVersion Type = 0x21 // as "TLSv1.3"
	SubtypeCN      Type = 0x22 // common name of the client's certificate
	SubtypeCipher  Type = 0x23 // as "ECDHE-RSA-AES128-GCM-SHA256"
	SubtypeSigAlg  Type = 0x24 // that signed the server's certificate, as "RSA-SHA256"
	SubtypeKeyAlg  Type = 0x25 // of the server's certificate, as "RSA2048"

	// Inside TypeSSL, of editions of the text since HAProxy 3.2.
	SubtypeGroup      Type = 0x26 // of the key exchange
	SubtypeSigScheme  Type = 0x27 // of the handshake
	SubtypeClientCert Type = 0x28 // the client's certificate, DER
)

const (
	tlvHeaderBytes   = 3
	sslBytes         = 5 // of TypeSSL before its TLVs
	checksumBytes    = 4
	maxUniqueIDBytes = 128
	maxTextBytes     = 255 // of what AppendSSL writes
)

// Client are bits that say what the client did (2.2.6).
type Client uint8

// The bits of Client.
const (
	ClientSSL      Client = 1 << iota // connected over TLS
	ClientCertConn                    // sent a certificate in this connection
	ClientCertSess                    // sent one in this session, which may be older
)

// All yields the TLVs of Header.TLVs or SSL.TLVs in their order, padding included.
// Values alias raw. It stops at the first that does not fit, which those have not.
func All(raw []byte) iter.Seq2[Type, []byte] {
	return func(yield func(Type, []byte) bool) {
		for len(raw) > 0 {
			kind, value, size := cutTLV(raw)
			if size == 0 || !yield(kind, value) {
				return
			}
			raw = raw[size:]
		}
	}
}

// Find returns the value of the first TLV of the type. It aliases raw.
func Find(raw []byte, kind Type) (value []byte, ok bool) {
	for k, v := range All(raw) {
		if k == kind {
			return v, true
		}
	}
	return nil, false
}

// cutTLV reads the TLV at the front of raw. size counts its header; 0 if it does not
// fit.
func cutTLV(raw []byte) (kind Type, value []byte, size int) {
	if len(raw) < tlvHeaderBytes {
		return 0, nil, 0
	}
	size = tlvHeaderBytes + int(binary.BigEndian.Uint16(raw[1:]))
	if size > len(raw) {
		return 0, nil, 0
	}
	return Type(raw[0]), raw[tlvHeaderBytes:size:size], size
}

// SSL is the value of a TLV of TypeSSL (2.2.6).
type SSL struct {
	Client Client
	// Verify is 0 if the client sent a certificate that was found good, and anything
	// else otherwise.
	Verify uint32
	// TLVs holds those of the subtypes, for All and Find.
	TLVs []byte
}

// ParseSSL parses the value of a TLV of TypeSSL, and reports whether it is well
// formed; in a Header that Parse accepted, it is. s.TLVs aliases value.
func ParseSSL(value []byte, s *SSL) bool {
	if len(value) < sslBytes {
		return false
	}
	s.Client, s.Verify, s.TLVs = Client(value[0]), binary.BigEndian.Uint32(value[1:]), value[sslBytes:]
	fitting := 0
	for _, v := range All(s.TLVs) {
		fitting += tlvHeaderBytes + len(v)
	}
	return fitting == len(s.TLVs)
}
