package websocket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"testing"
)

// The example of RFC 6455 section 1.3.
const (
	exampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	exampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func TestValidKey(t *testing.T) {
	tests := []struct {
		name, key string
		want      bool
	}{
		{"the RFC's example", exampleKey, true},
		{"all zero", "AAAAAAAAAAAAAAAAAAAAAA==", true},
		{"all one", "/////////////////////w==", true},
		{"empty", "", false},
		{"15 bytes", "AAAAAAAAAAAAAAAAAAAA", false},
		{"17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA=", false},
		{"18 bytes, no padding", "AAAAAAAAAAAAAAAAAAAAAAAA", false},
		{"no padding", "dGhlIHNhbXBsZSBub25jZQ", false},
		{"unused bits set: a second spelling of one key", "dGhlIHNhbXBsZSBub25jZR==", false},
		{"padding in the middle", "dGhlIHNhbXBsZSBub25jZ===", false},
		{"URL alphabet", "dGhlIHNhbXBsZSBub25-_Q==", false},
		{"line break, which encoding/base64 skips", "dGhlIHNhbXBsZSBub25\njZQ==", false},
		{"space", "dGhlIHNhbXBsZSBub25jZQ= ", false},
		{"NUL", "dGhlIHNhbXBsZSBub2\x00jZQ==", false},
	}
	for _, tt := range tests {
		if got := ValidKey([]byte(tt.key)); got != tt.want {
			t.Errorf("%s: ValidKey(%q) = %v, want %v", tt.name, tt.key, got, tt.want)
		}
	}
}

// FuzzValidKey compares with encoding/base64, which skips line breaks: the one
// difference wished for.
func FuzzValidKey(f *testing.F) {
	f.Add([]byte(exampleKey))
	f.Add([]byte("dGhlIHNhbXBsZSBub25jZR=="))
	f.Fuzz(func(t *testing.T, key []byte) {
		raw, err := base64.StdEncoding.Strict().DecodeString(string(key))
		want := err == nil && len(raw) == 16 && !bytes.ContainsAny(key, "\r\n")
		if got := ValidKey(key); got != want {
			t.Fatalf("ValidKey(%q) = %v, want %v", key, got, want)
		}
	})
}

func TestAccept(t *testing.T) {
	if got := AppendAccept([]byte("x: "), []byte(exampleKey)); string(got) != "x: "+exampleAccept {
		t.Errorf("AppendAccept = %q, want %q", got, "x: "+exampleAccept)
	}
	for i := range 256 {
		key := base64.StdEncoding.AppendEncode(nil, bytes.Repeat([]byte{byte(i)}, 16))
		sum := sha1.Sum([]byte(string(key) + keyGUID))
		want := base64.StdEncoding.AppendEncode(nil, sum[:])
		if got := AppendAccept(nil, key); !bytes.Equal(got, want) {
			t.Fatalf("AppendAccept(%q) = %q, want %q", key, got, want)
		}
		if !ValidAccept(want, key) {
			t.Fatalf("ValidAccept(%q, %q) = false", want, key)
		}
	}
	if got := AppendAccept([]byte("x"), []byte("short")); string(got) != "x" {
		t.Errorf("AppendAccept of a short key = %q, want nothing appended", got)
	}
}

func TestValidAcceptRefuses(t *testing.T) {
	for _, accept := range []string{
		"",
		"S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", // base64 is case-sensitive
		"s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
		" s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
		"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x",
		exampleKey,
	} {
		if ValidAccept([]byte(accept), []byte(exampleKey)) {
			t.Errorf("ValidAccept(%q) = true", accept)
		}
	}
	if ValidAccept(nil, nil) {
		t.Error("ValidAccept(nil, nil) = true")
	}
}

func TestHandshakeAllocations(t *testing.T) {
	key, accept, dst := []byte(exampleKey), []byte(exampleAccept), make([]byte, 0, AcceptSize)
	list := []byte("keep-alive, Upgrade")
	offer := []byte(`permessage-deflate; client_max_window_bits, x-a; b="c"`)
	chosen := []byte(`permessage-deflate; client_max_window_bits="\1\2"`)
	if n := testing.AllocsPerRun(100, func() {
		if !ValidKey(key) || !ValidAccept(accept, key) || len(AppendAccept(dst, key)) != AcceptSize {
			t.Fatal("handshake values")
		}
		if !HasToken(list, "upgrade") || !SubprotocolOffered(list, list[12:]) || !ExtensionsOffered(offer, chosen) {
			t.Fatal("lists")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
