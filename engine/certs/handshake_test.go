package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"weir/configs"
)

// outcome is how a handshake and an exchange of one byte each way ended, by side.
type outcome struct {
	client, server       tls.ConnectionState
	clientErr, serverErr error
}

// meet joins two configs over a loopback connection.
func meet(t testing.TB, server, client *tls.Config) outcome {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var o outcome
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			o.serverErr = err
			return
		}
		o.server, o.serverErr = converse(tls.Server(conn, server))
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o.client, o.clientErr = converse(tls.Client(conn, client))
	<-done
	return o
}

// converse also sends and reads a byte: in TLS 1.3 a client learns only then whether
// its certificate was taken, and gets its ticket.
func converse(c *tls.Conn) (tls.ConnectionState, error) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return tls.ConnectionState{}, err
	}
	if err := c.Handshake(); err != nil {
		// The peer may still be sending; its reset would eat our alert.
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
			_, _ = io.Copy(io.Discard, tcp)
		}
		return tls.ConnectionState{}, err
	}
	if _, err := c.Write([]byte{1}); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return c.ConnectionState(), nil
}

func (o *outcome) mustWork(t testing.TB) {
	t.Helper()
	if err := errors.Join(o.clientErr, o.serverErr); err != nil {
		t.Fatal(err)
	}
}

// alert is the one that the peer sent, by name, or "".
func alert(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err.Error()
	}
	return ""
}

const (
	alertUnrecognizedName    = tls.AlertError(112)
	alertCertificateRequired = tls.AlertError(116)
	alertInternalError       = tls.AlertError(80)
)

// serve is a Server of leaves with PEM text in the configuration.
func serve(t testing.TB, change func(*configs.ListenerTLS), leaves ...*leaf) *Server {
	t.Helper()
	cfg := configs.NewListenerTLS()
	for _, l := range leaves {
		cfg.Certificates = append(cfg.Certificates, &configs.Certificate{Cert: l.Cert, Key: l.Key})
	}
	if change != nil {
		change(cfg)
	}
	s, err := NewServer(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asking is a client that trusts a and asks for a name.
func asking(a *authority, name string) *tls.Config {
	return &tls.Config{RootCAs: a.pool(), ServerName: name}
}

// anonymous asks for a name, if any, and takes what comes.
func anonymous(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true}
}

func presented(t testing.TB, o outcome) *x509.Certificate {
	t.Helper()
	o.mustWork(t)
	return o.client.PeerCertificates[0]
}
