package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

const (
	headerBytes = 16 // before the addresses
	version2    = 2

	commandLocal = 0
	commandProxy = 1

	// Address family and protocol: the 14th byte. The others that are defined are of
	// datagrams.
	familyUnspec = 0x00
	familyTCP4   = 0x11
	familyUDP4   = 0x12
	familyTCP6   = 0x21
	familyUDP6   = 0x22
	familyUnix   = 0x31
	familyUnixgm = 0x32

	addressBytes4    = 2*4 + 2*2
	addressBytes6    = 2*16 + 2*2
	addressBytesUnix = 2 * 108
)

// parseV2 parses a block that begins with the signature (2.2). Bytes are judged in
// the order they come, which makes the answer independent of the cuts.
func parseV2(buf []byte, h *Header) (n int, code Code) {
	if len(buf) > 12 && buf[12]>>4 != version2 {
		return 0, CodeVersion
	}
	if len(buf) > 12 && buf[12]&0x0f > commandProxy {
		return 0, CodeCommand
	}
	if len(buf) < 14 {
		return 0, CodeOK
	}
	local := buf[12]&0x0f == commandLocal
	addresses, code := addressBytes(buf[13])
	if local {
		// All of the block is ignored, its family included.
		addresses, code = 0, CodeOK
	}
	if code != CodeOK || len(buf) < headerBytes {
		return 0, code
	}
	length := int(binary.BigEndian.Uint16(buf[14:]))
	n = headerBytes + length
	switch {
	case n > MaxV2Bytes:
		return 0, CodeTooLarge
	case length < addresses:
		return 0, CodeLength
	case len(buf) < n:
		return 0, CodeOK
	}
	h.Version, h.Local = version2, local
	if local {
		return n, CodeOK
	}
	h.setAddresses(buf[13], buf[headerBytes:n])
	h.TLVs = buf[headerBytes+addresses : n : n]
	if code = checkTLVs(buf[:n], headerBytes+addresses); code != CodeOK {
		return 0, code
	}
	return n, CodeOK
}

// addressBytes is how many bytes of addresses a family has.
func addressBytes(family byte) (int, Code) {
	switch family {
	case familyUnspec:
		return 0, CodeOK
	case familyTCP4:
		return addressBytes4, CodeOK
	case familyTCP6:
		return addressBytes6, CodeOK
	case familyUnix:
		return addressBytesUnix, CodeOK
	case familyUDP4, familyUDP6, familyUnixgm:
		return 0, CodeDatagram
	}
	return 0, CodeFamily
}

func (h *Header) setAddresses(family byte, block []byte) {
	var source, destination netip.Addr
	var ports []byte
	switch family {
	case familyTCP4:
		source, destination = netip.AddrFrom4([4]byte(block)), netip.AddrFrom4([4]byte(block[4:]))
		ports = block[2*4:]
	case familyTCP6:
		source, destination = netip.AddrFrom16([16]byte(block)).Unmap(), netip.AddrFrom16([16]byte(block[16:])).Unmap()
		ports = block[2*16:]
	default:
		return
	}
	h.Source = netip.AddrPortFrom(source, binary.BigEndian.Uint16(ports))
	h.Destination = netip.AddrPortFrom(destination, binary.BigEndian.Uint16(ports[2:]))
}

// checkTLVs checks the TLVs of header, which begin at offset at, and its checksum if
// it has one.
func checkTLVs(header []byte, at int) Code {
	var seen [256]bool
	for at < len(header) {
		kind, value, size := cutTLV(header[at:])
		if size == 0 || !validValue(kind, value) {
			return CodeTLV
		}
		if seen[kind] && single(kind) {
			return CodeDuplicateTLV
		}
		seen[kind] = true
		if kind == TypeCRC32C && !validChecksum(header, at+tlvHeaderBytes) {
			return CodeChecksum
		}
		at += size
	}
	return CodeOK
}

// validValue checks what the type demands of a value. Texts are not looked into.
func validValue(kind Type, value []byte) bool {
	switch kind {
	case TypeCRC32C:
		return len(value) == checksumBytes
	case TypeUniqueID:
		return len(value) <= maxUniqueIDBytes
	case TypeSSL:
		var s SSL
		return ParseSSL(value, &s)
	}
	return true
}

// single reports whether two TLVs of the type would contradict each other. NOOP may
// be repeated (2.2.4), and of types that are not registered nothing is known.
func single(kind Type) bool {
	switch kind {
	case TypeALPN, TypeAuthority, TypeCRC32C, TypeUniqueID, TypeSSL, TypeNetNS:
		return true
	}
	return false
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeros      [checksumBytes]byte
)

// validChecksum checks the checksum at an offset of header, which was taken with
// zeros in its place (2.2.3).
func validChecksum(header []byte, at int) bool {
	sum := crc32.Update(0, castagnoli, header[:at])
	sum = crc32.Update(sum, castagnoli, zeros[:])
	sum = crc32.Update(sum, castagnoli, header[at+checksumBytes:])
	return sum == binary.BigEndian.Uint32(header[at:])
}
