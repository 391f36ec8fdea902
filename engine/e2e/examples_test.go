package e2e

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"weir/configs"
)

// Every example starts as it is, but for its ports, and serves: a request to it is
// answered, by a route of its own or because none of its endpoints is there.
func TestExamplesStart(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.toml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	dead := deadAddr(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := configs.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) > 0 {
				t.Errorf("warnings: %v", cfg.Warnings)
			}
			cfg.Log.Access, cfg.Log.Level = "stdout", "debug"
			for _, ln := range cfg.Listeners {
				ln.Address = "127.0.0.1:0"
				if ln.TLS != nil && ln.TLS.ACME != nil { // an authority that never answers
					ln.TLS.ACME.Directory, ln.TLS.ACME.Storage = "https://"+dead+"/dir", t.TempDir()
				}
			}
			for _, c := range cfg.Clusters {
				if c.Discovery == "original_dst" {
					continue
				}
				c.Endpoints = []configs.Endpoint{{Address: dead, Weight: 1}}
			}
			w := startConfig(t, cfg)
			for name, ln := range cfg.Listeners {
				if err := visitExample(w.engine.Addr(name), ln); err != nil {
					t.Errorf("listener %s: %v", name, err)
				}
			}
		})
	}
}

// visitExample is a client of a listener whose endpoints are not there: an HTTP one
// answers, any other closes.
func visitExample(addr string, ln *configs.Listener) error {
	c, err := net.DialTimeout("tcp", addr, deadline)
	if err != nil && (ln.Protocol == "tcp" || ln.Transparent != "off") {
		return nil // the reset was faster
	}
	if err != nil {
		return err
	}
	_ = c.SetDeadline(time.Now().Add(deadline))
	defer func() { _ = c.Close() }()
	if ln.Transparent != "off" {
		// Nothing has led the connection here.
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("a connection to a transparent listener itself: %w", err)
		}
		return nil
	}
	if ln.ProxyProtocol != nil {
		_, _ = io.WriteString(c, "PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\n")
	}
	if ln.TLS != nil || ln.Protocol == "tls-passthrough" {
		// The certificates of examples are for development: whoever runs them knows.
		cfg := &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}
		if ln.TLS != nil && ln.TLS.ClientAuth == "require" {
			pair, err := tls.LoadX509KeyPair("../../configs/examples/tls/client.pem", "../../configs/examples/tls/client.key")
			if err != nil {
				return err
			}
			cfg.Certificates = []tls.Certificate{pair}
		}
		secured := tls.Client(c, cfg)
		err := secured.Handshake()
		if ln.Protocol == "tls-passthrough" || ln.TLS.ACME != nil && len(ln.TLS.Certificates) == 0 {
			if err == nil {
				return errors.New("a handshake, with nobody there to make it")
			}
			return nil
		}
		if err != nil {
			return err
		}
		c = secured
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if ln.Protocol == "tcp" {
		if err == nil {
			return errors.New("an answer, with nobody there to give it")
		}
		return nil
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}
