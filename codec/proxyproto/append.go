package proxyproto

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// AppendV1 appends a line of version 1 (2.1), at most MaxV1Bytes: TCP4 if both
// addresses are IPv4, mapped into IPv6 or not, otherwise TCP6 with IPv4 mapped. Zones
// are left out. Without two valid addresses it says UNKNOWN.
func AppendV1(dst []byte, source, destination netip.AddrPort) []byte {
	s, d, v4, ok := oneFamily(source.Addr(), destination.Addr())
	dst = append(dst, signatureV1...)
	switch {
	case !ok:
		return append(dst, "UNKNOWN\r\n"...)
	case v4:
		dst = append(dst, "TCP4 "...)
	default:
		dst = append(dst, "TCP6 "...)
	}
	dst = append(s.AppendTo(dst), ' ')
	dst = append(d.AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(source.Port()), 10), ' ')
	dst = strconv.AppendUint(dst, uint64(destination.Port()), 10)
	return append(dst, "\r\n"...)
}

// AppendV2 appends a PROXY header of version 2 (2.2) with the addresses, their family
// chosen as in AppendV1, UNSPEC without two valid ones; and the TLVs, made by
// AppendTLV, AppendSSL and the like. At most MaxV2Bytes come out: the first TLV that
// does not fit, or is malformed, and all after it are left out.
func AppendV2(dst []byte, source, destination netip.AddrPort, tlvs []byte) []byte {
	s, d, v4, ok := oneFamily(source.Addr(), destination.Addr())
	family := byte(familyUnspec)
	switch {
	case ok && v4:
		family = familyTCP4
	case ok:
		family = familyTCP6
	}
	addresses, _ := addressBytes(family)
	tlvs = fitting(tlvs, MaxV2Bytes-headerBytes-addresses)
	dst = appendV2Start(dst, commandProxy, family, addresses+len(tlvs))
	switch family {
	case familyTCP4:
		a, b := s.As4(), d.As4()
		dst = append(append(dst, a[:]...), b[:]...)
	case familyTCP6:
		a, b := s.As16(), d.As16()
		dst = append(append(dst, a[:]...), b[:]...)
	}
	if ok {
		dst = binary.BigEndian.AppendUint16(dst, source.Port())
		dst = binary.BigEndian.AppendUint16(dst, destination.Port())
	}
	return append(dst, tlvs...)
}

// AppendV2Local appends the header of a connection that is the proxy's own, as for a
// health check (2.2, LOCAL): 16 bytes. Version 1 has none; there AppendV1 with the
// connection's own addresses is what 2.1 asks for.
func AppendV2Local(dst []byte) []byte {
	return appendV2Start(dst, commandLocal, familyUnspec, 0)
}

func appendV2Start(dst []byte, command, family byte, length int) []byte {
	dst = append(dst, signatureV2...)
	dst = append(dst, version2<<4|command, family)
	return binary.BigEndian.AppendUint16(dst, uint16(length))
}

// oneFamily brings two addresses into one family: IPv4 if both have it, else IPv6.
func oneFamily(source, destination netip.Addr) (s, d netip.Addr, v4, ok bool) {
	if !source.IsValid() || !destination.IsValid() {
		return s, d, false, false
	}
	s, d = source.Unmap(), destination.Unmap()
	if s.Is4() && d.Is4() {
		return s, d, true, true
	}
	return netip.AddrFrom16(s.As16()), netip.AddrFrom16(d.As16()), false, true
}

// fitting returns the whole TLVs at the front of raw that take at most limit bytes.
func fitting(raw []byte, limit int) []byte {
	n := 0
	for _, v := range All(raw) {
		if n+tlvHeaderBytes+len(v) > limit {
			break
		}
		n += tlvHeaderBytes + len(v)
	}
	return raw[:n]
}

// AppendTLV appends one TLV. A value that fits in no header of ours is left out.
func AppendTLV[T []byte | string](dst []byte, kind Type, value T) []byte {
	if len(value) > MaxV2Bytes {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(append(dst, byte(kind)), uint16(len(value)))
	return append(dst, value...)
}

// TLS is what AppendSSL tells of the client's TLS connection.
type TLS struct {
	Client Client
	// Verified means that the client sent a certificate and it was found good.
	Verified bool
	// Version as "TLSv1.3", Cipher by its name, and CommonName, that of the client's
	// certificate. Those that are empty or over 255 bytes are left out, so that a
	// client cannot push other TLVs out of the header.
	Version, Cipher, CommonName string
}

// AppendSSL appends a TLV of TypeSSL (2.2.6), less than 800 bytes.
func AppendSSL(dst []byte, t *TLS) []byte {
	start := len(dst)
	verify := uint32(1)
	if t.Verified {
		verify = 0
	}
	dst = append(dst, byte(TypeSSL), 0, 0, byte(t.Client))
	dst = binary.BigEndian.AppendUint32(dst, verify)
	dst = appendText(dst, SubtypeVersion, t.Version)
	dst = appendText(dst, SubtypeCipher, t.Cipher)
	dst = appendText(dst, SubtypeCN, t.CommonName)
	binary.BigEndian.PutUint16(dst[start+1:], uint16(len(dst)-start-tlvHeaderBytes))
	return dst
}

func appendText(dst []byte, kind Type, text string) []byte {
	if text == "" || len(text) > maxTextBytes {
		return dst
	}
	return AppendTLV(dst, kind, text)
}
