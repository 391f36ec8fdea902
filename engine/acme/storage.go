package acme

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folder is where the account and the certificates of one authority are. Each has its
// own below the storage folder: what a test authority signed must not come back when
// the real one is configured.
type folder string

// openFolder makes the folder for a directory URL and checks that it can be written.
func openFolder(storage, directory string) (folder, error) {
	if storage == "" {
		return "", errors.New("no folder is given")
	}
	f := folder(filepath.Join(storage, authorityName(directory)))
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return "", err
	}
	probe, err := os.CreateTemp(string(f), ".probe-*")
	if err != nil {
		return "", err
	}
	return f, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// authorityName is a URL as the name of a folder.
func authorityName(directory string) string {
	name := directory
	if u, err := url.Parse(directory); err == nil {
		name = u.Host + strings.TrimSuffix(u.Path, "/")
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.':
			return c
		}
		return '-'
	}, strings.TrimLeft(name, "."))
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// maxFileBytes bounds what is read of a file.
const maxFileBytes = 1 << 20

// read is the content of a file. If there is none, the error is fs.ErrNotExist.
func (f folder) read(name string) ([]byte, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFileBytes))
}

// write replaces a file, whole or not at all, also if the machine loses power. Only
// its owner can read it.
func (f folder) write(name string, data []byte) (err error) {
	file, err := os.CreateTemp(string(f), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), f.path(name))
}

// certFile holds the key and the chain of a host, in one file so that they always
// belong together.
func certFile(host string) string { return host + ".pem" }

// stored is the certificate of host in storage, or nil if there is none.
func (m *Manager) stored(host string) (*tls.Certificate, error) {
	text, err := m.folder.read(certFile(host))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cert, err := parsePair(text, host, m.pace.now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.folder.path(certFile(host)), err)
	}
	return cert, nil
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func encodePair(chain [][]byte, key crypto.Signer) ([]byte, error) {
	text, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text, nil
}

// parsePair reads what encodePair wrote, and checks that it is one pair, for host, and
// not expired. A certificate whose time has not come is taken: the authority's clock
// is the better one, and so may be the client's.
func parsePair(text []byte, host string, now time.Time) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	if err := cert.Leaf.VerifyHostname(host); err != nil {
		return nil, err
	}
	if now.After(cert.Leaf.NotAfter) {
		return nil, fmt.Errorf("expired at %s", cert.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &cert, nil
}
