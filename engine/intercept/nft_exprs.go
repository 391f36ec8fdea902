package intercept

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// exprs is the rule as the kernel takes it: what the lines of nft compile to, and in
// the same form as nft 1.0 does, so that the two can be compared.
func (r *rule) exprs() [][]expr.Any {
	if r.verdict != tproxy {
		return [][]expr.Any{append(r.matchExprs(), r.verdictExprs()...)}
	}
	return [][]expr.Any{
		append(r.matchExprs(), r.verdictExprs()...),
		append(r.matchExprs(), &expr.Verdict{Kind: expr.VerdictDrop}),
	}
}

func (r *rule) matchExprs() []expr.Any {
	var list []expr.Any
	if r.in != "" {
		name := make([]byte, unix.IFNAMSIZ)
		copy(name, r.in)
		list = append(list, meta(expr.MetaKeyIIFNAME), equal(name))
	}
	if r.mark != 0 {
		list = append(list, meta(expr.MetaKeyMARK), equal(native(r.mark)))
	}
	if r.dst.IsValid() || r.saysFamily() {
		list = append(list, meta(expr.MetaKeyNFPROTO), equal([]byte{nfproto(r.family)}))
	}
	if r.dst.IsValid() {
		list = append(list, toPrefix(r.dst)...)
	}
	if r.ports != (configs.PortRange{}) {
		list = append(list, toPorts(r.ports)...)
	}
	switch r.when {
	case toSelf:
		list = append(list, &expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true}, equal(native(unix.RTN_LOCAL)))
	case opens:
		list = append(list, synAlone(expr.CmpOpEq)...)
	case ofTransparent:
		list = append(list, tcp()...)
		list = append(list, &expr.Socket{Key: expr.SocketKeyTransparent, Register: 1}, equal([]byte{1}))
		list = append(list, synAlone(expr.CmpOpNeq)...)
	case aboutTransparent:
		list = append(list, meta(expr.MetaKeyL4PROTO), equal([]byte{icmp(r.family)}))
		list = append(list, &expr.Socket{Key: expr.SocketKeyTransparent, Register: 1}, equal([]byte{1}))
	case ofWildcard:
		list = append(list, &expr.Socket{Key: expr.SocketKeyWildcard, Register: 1}, equal([]byte{1}))
	case ofForeign:
		list = append(list, tcp()...)
		list = append(list, &expr.Fib{Register: 1, FlagSADDR: true, ResultADDRTYPE: true}, &expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: native(unix.RTN_LOCAL)})
	case reply:
		const replyDirection = 1 // IP_CT_DIR_REPLY
		list = append(list, &expr.Ct{Key: expr.CtKeyDIRECTION, Register: 1}, equal([]byte{replyDirection}))
	}
	return list
}

func (r *rule) verdictExprs() []expr.Any {
	switch r.verdict {
	case jump:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: r.target.name}}
	case mark:
		return setMark(r.set)
	case apart:
		zone := binary.NativeEndian.AppendUint16(nil, uint16(r.set))
		return []expr.Any{&expr.Immediate{Register: 1, Data: zone}, &expr.Ct{Key: expr.CtKeyZONE, Register: 1, SourceRegister: true}}
	case take:
		return append(setMark(r.set), &expr.Verdict{Kind: expr.VerdictAccept})
	case tproxy:
		list := append(tcp(), r.tproxyExprs()...)
		list = append(list, setMark(r.set)...)
		return append(list, &expr.Verdict{Kind: expr.VerdictAccept})
	case redirect:
		return append(tcp(), r.redirectExprs()...)
	}
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictReturn}}
}

// leadExprs loads the address, if there is one, and the port of the listener. address
// is 0 if there is none.
func (r *rule) leadExprs() (list []expr.Any, address, port uint32) {
	if ip := r.lead.Addr(); ip.IsValid() {
		list = append(list, &expr.Immediate{Register: 1, Data: ip.AsSlice()})
		address = 1
	}
	port = address + 1
	return append(list, &expr.Immediate{Register: port, Data: network(r.lead.Port())}), address, port
}

func (r *rule) tproxyExprs() []expr.Any {
	list, address, port := r.leadExprs()
	return append(list, &expr.TProxy{Family: nfproto(r.family), TableFamily: unix.NFPROTO_INET, RegAddr: address, RegPort: port})
}

func (r *rule) redirectExprs() []expr.Any {
	list, address, port := r.leadExprs()
	if address == 0 {
		return append(list, &expr.Redir{RegisterProtoMin: port, RegisterProtoMax: port, Flags: unix.NF_NAT_RANGE_PROTO_SPECIFIED})
	}
	return append(list, &expr.NAT{
		Type: expr.NATTypeDestNAT, Family: uint32(nfproto(r.family)),
		RegAddrMin: address, RegAddrMax: address, RegProtoMin: port, RegProtoMax: port, // the kernel sets the flags
	})
}

// toPrefix compares the destination. Whole bytes are compared as they are, others
// after a mask.
func toPrefix(p netip.Prefix) []expr.Any {
	ip, bits := p.Addr().AsSlice(), p.Bits()
	load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: uint32(len(ip))}
	if p.Addr().Is6() {
		load.Offset = 24
	}
	if bits%8 == 0 {
		load.Len = uint32(bits / 8)
		return []expr.Any{load, equal(ip[:bits/8])}
	}
	mask := make([]byte, len(ip))
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	masked := &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: load.Len, Mask: mask, Xor: make([]byte, len(ip))}
	return []expr.Any{load, masked, equal(ip)}
}

func toPorts(r configs.PortRange) []expr.Any {
	list := append(tcp(), &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2})
	if r.First == r.Last {
		return append(list, equal(network(r.First)))
	}
	return append(list,
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: network(r.First)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: network(r.Last)})
}

// synAlone compares a segment of TCP with one that opens a connection.
func synAlone(op expr.CmpOp) []expr.Any {
	const fin, syn, rst, ack = 1, 2, 4, 16
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{fin | syn | rst | ack}, Xor: []byte{0}},
		&expr.Cmp{Op: op, Register: 1, Data: []byte{syn}},
	}
}

func tcp() []expr.Any { return []expr.Any{meta(expr.MetaKeyL4PROTO), equal([]byte{unix.IPPROTO_TCP})} }

func setMark(m uint32) []expr.Any {
	return []expr.Any{&expr.Immediate{Register: 1, Data: native(m)}, &expr.Meta{Key: expr.MetaKeyMARK, Register: 1, SourceRegister: true}}
}

func meta(key expr.MetaKey) *expr.Meta { return &expr.Meta{Key: key, Register: 1} }

func equal(data []byte) *expr.Cmp { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func nfproto(f configs.Family) byte {
	if f == configs.IPv6 {
		return unix.NFPROTO_IPV6
	}
	return unix.NFPROTO_IPV4
}

func icmp(f configs.Family) byte {
	if f == configs.IPv6 {
		return unix.IPPROTO_ICMPV6
	}
	return unix.IPPROTO_ICMP
}

func native(n uint32) []byte { return binaryutil.NativeEndian.PutUint32(n) }

func network(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }
