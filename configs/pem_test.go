package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadPEM(t *testing.T) {
	inline := "a note\n-----BEGIN CERTIFICATE-----\n"
	if text, err := ReadPEM(inline); err != nil || string(text) != inline || !IsInline(inline) {
		t.Errorf("inline: %q, %v", text, err)
	}
	if _, err := ReadPEM(pemMark + strings.Repeat("x", maxPEM)); !errors.Is(err, errTooLarge) {
		t.Errorf("inline over the bound: %v", err)
	}
	file := filepath.Join(t.TempDir(), "a.pem")
	if IsInline(file) {
		t.Error("a path is taken for text")
	}
	for _, c := range []struct {
		size int
		want error
	}{{0, nil}, {maxPEM, nil}, {maxPEM + 1, errTooLarge}} {
		if err := os.WriteFile(file, bytes.Repeat([]byte("x"), c.size), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := ReadPEM(file); !errors.Is(err, c.want) || err == nil && len(text) != c.size {
			t.Errorf("%d bytes: %d read, %v", c.size, len(text), err)
		}
	}
	const lost = "MC4CAQAwBQYDK2VwBCIEIA"
	if _, err := ReadPEM(lost); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), lost) {
		t.Errorf("an absent file: %v", err)
	}
}

func TestParseTicketKeys(t *testing.T) {
	exact, long := bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{9}, 48)
	line := func(key []byte) string { return base64.StdEncoding.EncodeToString(key) }
	keys, err := ParseTicketKeys([]byte("# first\n\n " + line(exact) + "\r\n" + line(long)))
	if err != nil || len(keys) != 2 || keys[0] != [32]byte(exact) || keys[1] != sha256.Sum256(long) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "it holds no key"},
		{"# only\n\n", "it holds no key"},
		{line(exact) + "\n" + line(exact[:31]), "line 2 holds a key of 31 bytes, at least 32 are needed"},
		{"\n" + strings.TrimRight(line(exact), "="), "line 2 is not base64"},
		{line(exact) + " # note", "line 1 is not base64"},
		{"-----BEGIN PRIVATE KEY-----", "line 1 is not base64"},
		{strings.Repeat(line(exact)+"\n", maxTicketKeys+1), "it holds more than 16 keys"},
	} {
		if _, err := ParseTicketKeys([]byte(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%.20q: %v, want %s", c.text, err, c.want)
		}
	}
}
