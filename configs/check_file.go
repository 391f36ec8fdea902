package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// material is what a key leads to that takes a file or PEM text.
type material struct {
	at   keyPath
	what string // the key and the file, as a message may show them
	text []byte
}

// secrecy says whether a value may be the secret itself, given in place of a file.
type secrecy bool

const (
	isPublic secrecy = false
	isSecret secrecy = true
)

// material reads the file that *value names and leaves its path there, relative to
// the working folder, so that the engine can watch it. ok is false if there is
// nothing to look at: the key is absent, or what is wrong has been reported.
func (ck *checker) material(p keyPath, value *string, s secrecy) (m material, ok bool) {
	given := *value
	if given == "" || ck.broken[p] {
		return m, false
	}
	m = material{at: p, what: p.last()}
	if !IsInline(given) {
		*value = ck.resolve(given)
		if s == isPublic || showable(given) {
			m.what += " " + quote(given)
		}
	}
	text, err := ReadPEM(*value)
	if err != nil {
		hint := ""
		switch {
		case strings.Contains(given, "\n"):
			hint = `PEM text begins with "-----BEGIN", and the name of a file has one line`
		case errors.Is(err, fs.ErrNotExist) && *value != given:
			hint = relativeHint
		}
		ck.problemf(p, hint, "%s: %s", m.what, err)
		return m, false
	}
	if !IsInline(given) {
		ck.writable(m, *value, s)
	}
	m.text = text
	return m, true
}

const relativeHint = "names are relative to the configuration file"

// resolve is the path of a file that the configuration names.
func (ck *checker) resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(ck.dir, name)
}

// showable says whether s, which should name a file with a secret, may stand in a
// message. Base64 has no dot: what has one at its end is no key that was pasted
// without its frame.
func showable(s string) bool {
	return len(s) < 256 && strings.Contains(filepath.Base(s), ".") && !strings.Contains(s, "\n")
}

// writable warns of a file that any user of the machine may replace. That others may
// read a key is not warned of: folders above it often keep them out, and every
// checkout of a repository looks like that.
func (ck *checker) writable(m material, path string, s secrecy) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o002 == 0 {
		return
	}
	mode := "644"
	if s == isSecret {
		mode = "600"
	}
	ck.warnf(m.at, fmt.Sprintf("chmod %s", mode), "%s may be changed by any user", m.what)
}
