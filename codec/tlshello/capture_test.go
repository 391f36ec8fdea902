package tlshello

import (
	"bytes"
	"crypto/ecdh"
	"crypto/tls"
	"encoding/hex"
	"flag"
	"io"
	"net"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "take testdata/hello anew from crypto/tls")

// clients are what the captures are taken from, and what Parse must find.
var clients = map[string]struct {
	config *tls.Config
	want   string
}{
	"default":      {&tls.Config{ServerName: "www.Example.com"}, "www.example.com 0x304"},
	"h2":           {&tls.Config{ServerName: "a.example", NextProtos: []string{"h2", "http/1.1"}}, "a.example 0x304 h2 http/1.1"},
	"tls12":        {&tls.Config{ServerName: "old.example", MaxVersion: tls.VersionTLS12}, "old.example 0x303"},
	"tls10":        {&tls.Config{ServerName: "older.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, "older.example 0x301"},
	"no-name":      {&tls.Config{InsecureSkipVerify: true}, " 0x304"},
	"address":      {&tls.Config{ServerName: "192.0.2.1", NextProtos: []string{"acme-tls/1"}}, " 0x304 acme-tls/1"},
	"encrypted":    {&tls.Config{ServerName: "secret.example", EncryptedClientHelloConfigList: echConfigs()}, "outer.example 0x304"},
	"final-dot":    {&tls.Config{ServerName: "dot.example."}, "dot.example 0x304"},
	"small-shares": {&tls.Config{ServerName: "p256.example", CurvePreferences: []tls.CurveID{tls.CurveP256}}, "p256.example 0x304"},
}

// echConfigs offers Encrypted Client Hello under the outer name outer.example (RFC
// 9849 4), with the public key of a private key of zeros.
func echConfigs() []byte {
	key, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	contents := "\x01\x00\x20" + vector16(string(key.PublicKey().Bytes())) + vector16("\x00\x01\x00\x01") + "\x20" + vector8("outer.example") + vector16("")
	return []byte(vector16("\xfe\x0d" + vector16(contents)))
}

// memory is a connection that is read from in and written to out.
type memory struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (m *memory) Read(b []byte) (int, error)  { return m.in.Read(b) }
func (m *memory) Write(b []byte) (int, error) { return m.out.Write(b) }
func (m *memory) Close() error                { return nil }

func TestCaptures(t *testing.T) {
	if *update {
		for name, c := range clients {
			conn := &memory{in: bytes.NewReader(nil)}
			tls.Client(conn, c.config).Handshake() // ends when no answer comes
			var text []byte
			for line := range slices.Chunk(conn.out.Bytes(), 32) {
				text = append(hex.AppendEncode(text, line), '\n')
			}
			if err := os.WriteFile("testdata/hello/"+name+".hex", text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	found := captures(t)
	for name, c := range clients {
		in := found[name]
		for _, size := range []int{maxRecordBytes, 100, 5} {
			s := records(payloads(in), size)
			everySplit(t, name, s, c.want, CodeOK)
		}
		compare(t, []byte(in))
	}
	if len(found) != len(clients) {
		t.Errorf("%d captures of %d clients", len(found), len(clients))
	}
}
