package bench

import (
	"crypto/rand"
	"encoding/base64"

	"weir/codec/http1"
	"weir/codec/websocket"
)

// handshake sends the client's opening handshake and checks the server's in full
// (RFC 6455 4.1). Frames that came with it stay unread.
func (p *wsPeer) handshake() error {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	key := base64.StdEncoding.AppendEncode(nil, nonce[:])
	b := append([]byte(nil), p.opener.header...)
	b = http1.AppendField(b, []byte("Sec-WebSocket-Key"), key)
	b = append(b, '\r', '\n')
	if err := p.write(b); err != nil {
		return err
	}
	var h http1.ResponseHead
	for {
		n, err := p.nextResponse(&h, http1.MethodGET)
		if err != nil {
			return err
		}
		if h.Status == 101 || h.Status >= 200 {
			err = p.checkAccept(&h, key)
			p.r += n
			return err
		}
		p.r += n // an interim response
	}
}

func (p *wsPeer) checkAccept(h *http1.ResponseHead, key []byte) error {
	if h.Status != 101 {
		return errStatus(h.Status, false)
	}
	head := p.unread()
	if !h.Upgrade || !websocket.HasToken(joined(head, h, "upgrade"), "websocket") {
		return errUpgrade
	}
	if !websocket.ValidAccept(joined(head, h, "sec-websocket-accept"), key) {
		return errAccept
	}
	if joined(head, h, "sec-websocket-extensions") != nil {
		return errExtension // none was offered
	}
	if chosen := joined(head, h, "sec-websocket-protocol"); chosen != nil &&
		!websocket.SubprotocolOffered(offeredSubprotocols(p.opener.Header), chosen) {
		return errProtocol
	}
	return nil
}

// joined returns the values of every field called name, joined by commas; nil if
// there is none.
func joined(head []byte, h *http1.ResponseHead, name string) (all []byte) {
	for i := range h.Fields {
		if !http1.EqualFold(h.Fields[i].Name.Of(head), name) {
			continue
		}
		if all == nil {
			all = []byte{}
		} else {
			all = append(all, ", "...)
		}
		all = append(all, h.Fields[i].Value.Of(head)...)
	}
	return all
}
