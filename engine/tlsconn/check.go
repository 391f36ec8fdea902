package tlsconn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
)

// Check connects to itself in memory and moves records of all sizes both ways, with
// records lent to crypto/tls. If that does not come through, lending is switched off
// for the process and the error says why; nothing else suffers. Call it before the
// first connection and not beside one. It takes a few milliseconds.
func Check() error {
	if fields.missing != "" {
		return fmt.Errorf("crypto/tls has no field %s of the expected type", fields.missing)
	}
	lending = true
	if err := checkVersions(); err != nil {
		lending = false
		return err
	}
	return nil
}

func checkVersions() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("tlsconn: %v", cause)
		}
	}()
	server, client, err := checkConfigs()
	if err != nil {
		return err
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client.MaxVersion = version
		if err := checkOnce(server, client.Clone()); err != nil {
			return fmt.Errorf("TLS %s: %w", VersionName(version), err)
		}
	}
	return nil
}

// checkConfigs makes two ends that trust each other by a certificate of the moment.
func checkConfigs() (server, client *tls.Config, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"check"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	// Not verified: a peer that is ourselves, in memory.
	client = &tls.Config{ServerName: "check", InsecureSkipVerify: true, DynamicRecordSizingDisabled: true}
	return server, client, nil
}

func checkOnce(server, client *tls.Config) error {
	s, c := Server(server), Client(client)
	defer s.Abort()
	defer c.Abort()
	var forServer []byte
	for in := []byte(nil); ; in = s.Output() {
		state := c.Step(in)
		forServer = append(forServer, c.Output()...)
		if state == Failed {
			return c.Err()
		}
		if s.Step(forServer) == Failed {
			return s.Err()
		}
		forServer = nil
		if state == Open {
			break
		}
	}
	forClient := s.Output()
	forServer = append(s.Finish(), forServer...)
	forClient = append(c.Finish(), forClient...)
	if s.state() != Open {
		return errors.New("tlsconn: the handshake does not end")
	}
	for _, size := range []int{1, 125, 16384, 40000} {
		if err := checkMove(c, s, forServer, size); err != nil {
			return err
		}
		if err := checkMove(s, c, forClient, size); err != nil {
			return err
		}
		forServer, forClient = nil, nil
	}
	return nil
}

// checkMove sends size bytes and reads them back, behind what is already on its way.
func checkMove(from, to *Conn, before []byte, size int) error {
	want := bytes.Repeat([]byte{byte(size)}, size)
	out := collector{b: before}
	if err := from.Seal(want, &out); err != nil {
		return err
	}
	n, err := to.Open(out.b, out.b, &collector{})
	if err != nil {
		return err
	}
	if !bytes.Equal(out.b[:n], want) {
		return fmt.Errorf("tlsconn: %d bytes came out as %d others", size, n)
	}
	if lending && rawInput(to.tls).Cap()+hand(to.tls).Cap() > 0 {
		return errors.New("tlsconn: what was lent did not come back")
	}
	return nil
}

// collector keeps ciphertext.
type collector struct{ b []byte }

func (c *collector) Ciphertext(b []byte) { c.b = append(c.b, b...) }
