package certs

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"weir/configs"
)

// maxFileBytes bounds what is read of one file: the largest revocation lists in use
// are some MiB, chains and keys some KiB.
const maxFileBytes = 32 << 20

// reader reads the values of one configuration, each a file or PEM text, and
// remembers which files they were and a digest of all that they held.
type reader struct {
	files  []string
	digest hash.Hash
}

func newReader() *reader { return &reader{digest: sha256.New()} }

// sum is equal for two readers if and only if all values held the same.
func (r *reader) sum() (sum [sha256.Size]byte) {
	r.digest.Sum(sum[:0])
	return sum
}

// value returns what stands in value for key: the text itself if it is PEM, else
// the content of the file of that name. Errors name the key and the file, never
// what the file or the text holds.
func (r *reader) value(key, value string) ([]byte, error) {
	if configs.IsInline(value) {
		r.add(key, []byte(value))
		return []byte(value), nil
	}
	return r.file(key, value)
}

func (r *reader) file(key, name string) ([]byte, error) {
	if !slices.Contains(r.files, name) {
		r.files = append(r.files, name)
	}
	content, err := readFile(name)
	if err != nil && mayBeKey(name) {
		return nil, fmt.Errorf("%s: %d characters that are neither PEM text nor a file that can be read", key, len(name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	r.add(key, content)
	return content, nil
}

func (r *reader) add(key string, content []byte) {
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[:8], uint64(len(key)))
	binary.BigEndian.PutUint64(lengths[8:], uint64(len(content)))
	r.digest.Write(lengths[:])
	r.digest.Write([]byte(key))
	r.digest.Write(content)
}

// mayBeKey is true for what may be a key without its PEM armour, perhaps after the
// folder that names are relative to: an error about a missing file would show it.
// Long runs of upper case, lower case and digits are rare in the names of files.
func mayBeKey(name string) bool {
	if len(name) > 1024 || strings.ContainsAny(name, "\r\n\x00") {
		return true
	}
	run, kinds := 0, 0
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z':
			kinds |= 1
		case 'A' <= c && c <= 'Z':
			kinds |= 2
		case '0' <= c && c <= '9':
			kinds |= 4
		case c != '+' && c != '=':
			run, kinds = 0, 0
			continue
		}
		if run++; run >= 20 && kinds == 7 {
			return true
		}
	}
	return false
}

// readFile reads a regular file. Anything else might never end, or block.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxFileBytes)
	}
	return content, nil
}

// origin is how an error names where a value came from.
func origin(key, value string) string {
	if configs.IsInline(value) {
		return key
	}
	return key + ": " + value
}
