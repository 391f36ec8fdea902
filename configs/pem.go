package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// maxPEM bounds a file of certificates, keys or revocation lists. The bundle of
// all public authorities has a quarter of it.
const maxPEM = 1 << 20

// pemMark begins every PEM block (RFC 7468 section 2). No file is called that.
const pemMark = "-----BEGIN"

// IsInline says whether the value of a key that takes a file or PEM text is text.
func IsInline(value string) bool { return strings.Contains(value, pemMark) }

// ReadPEM is the text that such a value stands for: itself, or the file it names,
// of at most 1 MiB. It does not look inside. The error names no file and holds
// nothing of the value, which may be a key that lost its frame.
func ReadPEM(value string) ([]byte, error) {
	if IsInline(value) {
		if len(value) > maxPEM {
			return nil, errTooLarge
		}
		return []byte(value), nil
	}
	text, err := readBounded(value, maxPEM)
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return text, err
}

// maxTicketKeys bounds the keys that a ticket is tried with.
const maxTicketKeys = 16

// ParseTicketKeys reads keys for session tickets: one a line, in base64, at least
// 32 bytes each. Blank lines and those that begin with "#" are skipped. A key of 32
// bytes is taken as it is and of a longer one its SHA-256, so that "openssl rand
// -base64 48", which others want, does here too.
//
// The error says which line is wrong and never what it holds. There is at least one
// key if it is nil.
func ParseTicketKeys(text []byte) ([][32]byte, error) {
	var keys [][32]byte
	no := 0
	for line := range bytes.Lines(text) {
		no++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.Strict().DecodeString(string(line))
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d is not base64", no)
		case len(key) < 32:
			return nil, fmt.Errorf("line %d holds a key of %d bytes, at least 32 are needed", no, len(key))
		case len(keys) == maxTicketKeys:
			return nil, fmt.Errorf("it holds more than %d keys", maxTicketKeys)
		case len(key) == 32:
			keys = append(keys, [32]byte(key))
		default:
			keys = append(keys, sha256.Sum256(key))
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no key")
	}
	return keys, nil
}
