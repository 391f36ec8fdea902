package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
)

// clientHello is the ClientHello of a crypto/tls client, in its record.
func clientHello(t *testing.T, cfg *tls.Config) []byte {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(here, cfg).Handshake()
	}()
	defer func() {
		_ = there.Close()
		_ = here.Close()
		<-done
	}()
	hello := make([]byte, 5)
	if _, err := io.ReadFull(there, hello); err != nil {
		t.Fatal(err)
	}
	hello = append(hello, make([]byte, int(hello[3])<<8|int(hello[4]))...)
	if _, err := io.ReadFull(there, hello[5:]); err != nil {
		t.Fatal(err)
	}
	return hello
}

// smallHello is a ClientHello of few bytes.
func smallHello() *tls.Config {
	return &tls.Config{ServerName: edgeName, CurvePreferences: []tls.CurveID{tls.X25519}, InsecureSkipVerify: true}
}

// record is a TLS record.
func record(kind byte, content []byte) []byte {
	return append([]byte{kind, 3, 1, byte(len(content) >> 8), byte(len(content))}, content...)
}

// inRecords puts handshake messages into records of n bytes.
func inRecords(messages []byte, n int) (records []byte) {
	for ; len(messages) > 0; messages = messages[min(n, len(messages)):] {
		records = append(records, record(22, messages[:min(n, len(messages))])...)
	}
	return records
}

// ending tells how weir ends a connection: the description of its alert, -1 if it
// sends something else, -2 if nothing.
func ending(t *testing.T, c net.Conn) int {
	t.Helper()
	got, err := io.ReadAll(c)
	switch {
	case err != nil && !isReset(err):
		t.Errorf("after %q: %v", got, err)
	case len(got) == 0:
		return -2
	case len(got) == 7 && got[0] == 21 && got[5] == 2:
		return int(got[6])
	}
	return -1
}

// The alerts (RFC 8446 6).
const (
	alertUnexpectedMessage = 10
	alertDecodeError       = 50
	nothingSent            = -2
)
