package intercept

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	diag "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// ear is a TCP socket that listens.
type ear struct {
	at          netip.AddrPort
	only        bool // takes its own family alone: [::] takes IPv4 too otherwise
	transparent bool
}

// ears are those of this namespace. The kernel looks at no other sockets for it.
func ears() ([]ear, error) {
	c, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var list []ear
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		answers, err := c.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.SOCK_DIAG_BY_FAMILY, Flags: netlink.Request | netlink.Dump},
			Data:   earsRequest(f),
		})
		if err != nil {
			return nil, err
		}
		for _, m := range answers {
			e, err := parseEar(m.Data)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
	return list, nil
}

// Sizes of struct inet_diag_req_v2 and struct inet_diag_msg, of linux/inet_diag.h.
const (
	diagRequestBytes = 56
	diagAnswerBytes  = 72
)

// earsRequest is a struct inet_diag_req_v2.
func earsRequest(f configs.Family) []byte {
	const listen = 10 // TCP_LISTEN, of net/tcp_states.h
	b := make([]byte, diagRequestBytes)
	b[0], b[1] = byte(netlinkFamily(f)), unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], 1<<listen)
	return b
}

// parseEar reads a struct inet_diag_msg and the attributes behind it.
func parseEar(b []byte) (ear, error) {
	if len(b) < diagAnswerBytes {
		return ear{}, fmt.Errorf("sock_diag: an answer of %d bytes", len(b))
	}
	ip := netip.AddrFrom4([4]byte(b[8:12]))
	if b[0] == unix.AF_INET6 {
		ip = netip.AddrFrom16([16]byte(b[8:24]))
	}
	// A kernel before 5.10 does not tell of options.
	e := ear{at: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[4:])), transparent: true}
	attributes, err := netlink.NewAttributeDecoder(b[diagAnswerBytes:])
	if err != nil {
		return ear{}, fmt.Errorf("sock_diag: %w", err)
	}
	for attributes.Next() {
		switch attributes.Type() {
		case diag.INET_DIAG_SKV6ONLY:
			e.only = attributes.Uint8() != 0
		case diag.INET_DIAG_SOCKOPT:
			const transparent = 1 << 5 // in the first byte of struct inet_diag_sockopt
			if b := attributes.Bytes(); len(b) > 0 {
				e.transparent = b[0]&transparent != 0
			}
		}
	}
	return e, attributes.Err()
}

// hears says whether connections of a family to an address are for e. Without an
// address, it must take those to any.
func (e ear) hears(f configs.Family, to netip.AddrPort) bool {
	ip := e.at.Addr()
	switch {
	case e.at.Port() != to.Port():
		return false
	case ip.IsUnspecified():
		return configs.FamilyOf(ip) == f || ip.Is6() && !e.only
	}
	return ip.Unmap() == to.Addr()
}
