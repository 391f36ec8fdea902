package tlshello

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What hellos are built of, as strings of bytes.

func u8(n int) string  { return string([]byte{byte(n)}) }
func u16(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }
func u24(n int) string { return u8(n>>16) + u16(n) }

func vector8(s string) string  { return u8(len(s)) + s }
func vector16(s string) string { return u16(len(s)) + s }

func extension(kind int, body string) string { return u16(kind) + vector16(body) }

// sni is a server_name extension with one host name.
func sni(name string) string { return extension(0, vector16("\x00"+vector16(name))) }

func alpn(protocols ...string) string {
	list := ""
	for _, p := range protocols {
		list += vector8(p)
	}
	return extension(16, vector16(list))
}

func versions(list ...int) string {
	body := ""
	for _, v := range list {
		body += u16(v)
	}
	return extension(43, vector8(body))
}

// start is the body of a hello up to its extensions.
var start = u16(0x0303) + strings.Repeat("r", 32) + vector8(strings.Repeat("s", 32)) + vector16("\x13\x01\xc0\x2b") + vector8("\x00")

func message(body string) string { return "\x01" + u24(len(body)) + body }

// helloMessage is a message with these extensions.
func helloMessage(extensions ...string) string {
	return message(start + vector16(strings.Join(extensions, "")))
}

// records cuts a message into records of size bytes.
func records(message string, size int) string {
	var b strings.Builder
	for piece := range slices.Chunk([]byte(message), size) {
		b.WriteString("\x16\x03\x01" + vector16(string(piece)))
	}
	return b.String()
}

// hello is records that hold a hello with these extensions.
func hello(extensions ...string) string {
	return records(helloMessage(extensions...), maxRecordBytes)
}

// payloads is what the records of a whole hello hold.
func payloads(in string) string { return string(join(nil, []byte(in))) }

// likeChrome has what a browser adds: GREASE in every list, a fake Encrypted Client
// Hello, extensions that are in no RFC.
var likeChrome = hello(
	extension(0x7a7a, ""),
	sni("Shop.Example.com"),
	extension(23, ""),
	extension(0xff01, "\x00"),
	extension(10, vector16("\xca\xca\x00\x1d\x00\x17")),
	alpn("h2", "http/1.1"),
	extension(0xfe0d, "\x00\x00\x01\x00\x01\x2a"+vector16(strings.Repeat("k", 32))+vector16(strings.Repeat("p", 144))),
	extension(51, vector16("\xca\xca"+vector16("\x00")+"\x00\x1d"+vector16(strings.Repeat("x", 32)))),
	versions(0x9a9a, 0x0304, 0x0303),
	extension(17613, "\x00\x03\x02h2"),
	extension(0x1a1a, "\x00"),
)

// captures are hellos that crypto/tls sent, from testdata/hello.
func captures(tb testing.TB) map[string]string {
	tb.Helper()
	names, _ := filepath.Glob("testdata/hello/*.hex")
	list := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
		if err != nil {
			tb.Fatal(name, err)
		}
		list[strings.TrimSuffix(filepath.Base(name), ".hex")] = string(raw)
	}
	return list
}
