package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func openCertDir(name string) (certDir, error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return certDir{}, err
	}
	return certDir{given: name, full: full}, os.MkdirAll(full, 0o755)
}

// authority reads the one in d, or makes it if there is none.
func (d certDir) authority(now time.Time) (a *authority, made bool, err error) {
	var p pair
	cert, certErr := os.ReadFile(d.absolute("ca.pem"))
	key, keyErr := os.ReadFile(d.absolute("ca.key"))
	noCert, noKey := errors.Is(certErr, fs.ErrNotExist), errors.Is(keyErr, fs.ErrNotExist)
	switch {
	case noCert && noKey:
		a, err = d.newAuthority(now)
		return a, true, err
	case noCert || noKey:
		return nil, false, fmt.Errorf("%s holds one of ca.pem and ca.key and not the other; bring it back, or move the one away to begin anew", d.given)
	case certErr != nil:
		return nil, false, certErr
	case keyErr != nil:
		return nil, false, keyErr
	}
	p.cert, p.key = cert, key
	if a, err = parseAuthority(p); err != nil {
		return nil, false, fmt.Errorf("%s and ca.key cannot be used: %w; move them away to begin anew", d.path("ca.pem"), err)
	}
	return a, false, nil
}

func (d certDir) newAuthority(now time.Time) (*authority, error) {
	a, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	p, err := a.encode()
	if err != nil {
		return nil, err
	}
	// Linked, not renamed: what somebody else has put there meanwhile stays.
	if err := writeWhole(d.absolute("ca.key"), p.key, 0o600, os.Link); err != nil {
		return nil, err
	}
	return a, writeWhole(d.absolute("ca.pem"), p.cert, 0o644, os.Link)
}

// replace writes p to name.pem and name.key. For a moment between the two they do not
// belong together, which weir survives: it keeps the pair that it has.
func (d certDir) replace(name string, p pair) error {
	if err := writeWhole(d.absolute(name+".key"), p.key, 0o600, os.Rename); err != nil {
		return err
	}
	return writeWhole(d.absolute(name+".pem"), p.cert, 0o644, os.Rename)
}

// writeWhole lets nobody see a part of text, nor see it with more rights than mode:
// it goes to a file beside name, which put then gives its place.
func writeWhole(name string, text []byte, mode fs.FileMode, put func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".weir-cert-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = put(f.Name(), name)
	}
	return err
}
