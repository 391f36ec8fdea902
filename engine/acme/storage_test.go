package acme

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStorageThatCannotBeWrittenIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	folders := []string{file, filepath.Join(file, "below")}
	if os.Geteuid() != 0 { // whom modes do not stop
		folders = append(folders, closed)
	}
	for _, storage := range folders {
		cfg := offline(t, "a.weir.test")
		cfg.Storage = storage
		if _, err := New(cfg, nil); err == nil || !strings.Contains(err.Error(), "storage") || !strings.Contains(err.Error(), storage) {
			t.Errorf("%s: %v", storage, err)
		}
	}
}

func TestStorageIsOneFolderPerAuthority(t *testing.T) {
	for directory, want := range map[string]string{
		"https://acme-v02.api.letsencrypt.org/directory": "acme-v02.api.letsencrypt.org-directory",
		"https://127.0.0.1:14000/dir/":                   "127.0.0.1-14000-dir",
		"https://ca.test/a/../../b":                      "ca.test-a-..-..-b",
		"https://../x":                                   "-x",
		"https://[::1]/x":                                "---1--x",
		"https://user:secret@ca.test/":                   "ca.test",
	} {
		if got := authorityName(directory); got != want {
			t.Errorf("%s: %q, want %q", directory, got, want)
		}
	}
}

func TestStoredCertificates(t *testing.T) {
	const host = "a.weir.test"
	good, other := makePair(t, host, born), makePair(t, host, born)
	key, cert, _ := bytes.Cut(good, []byte("-----BEGIN CERT"))
	otherKey, _, _ := bytes.Cut(other, []byte("-----BEGIN CERT"))
	cert = append([]byte("-----BEGIN CERT"), cert...)
	day := 24 * time.Hour
	for _, c := range []struct {
		name string
		text []byte
		at   time.Time
		want EventKind
	}{
		{"good", good, born.Add(day), Loaded},
		{"to be renewed", good, born.Add(89 * day), Loaded},
		{"the clock is behind", good, born.Add(-day), Loaded},
		{"expired", good, born.Add(91 * day), StoredUnusable},
		{"of another host", makePair(t, "b.weir.test", born), born, StoredUnusable},
		{"with another key", append(bytes.Clone(otherKey), cert...), born, StoredUnusable},
		{"without a key", cert, born, StoredUnusable},
		{"without a certificate", key, born, StoredUnusable},
		{"cut", good[:len(good)-30], born, StoredUnusable},
		{"empty", nil, born, StoredUnusable},
	} {
		cfg := offline(t, host)
		f, err := openFolder(cfg.Storage, cfg.Directory)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.write(certFile(host), c.text); err != nil {
			t.Fatal(err)
		}
		j := &journal{t: t, events: make(chan entry, 10)}
		m, err := newManager(cfg, j.log, still(c.at))
		if err != nil {
			t.Fatal(err)
		}
		e := j.next()
		if e.Kind != c.want || (m.Certificate(host) != nil) != (c.want == Loaded) {
			t.Errorf("%s: %s: %v", c.name, e.Kind, e.Err)
		}
		if e.Err != nil && bytes.Contains([]byte(e.Err.Error()), key[40:60]) {
			t.Errorf("%s: the key is in the log", c.name)
		}
	}
}

func TestWriteReplacesWholeFilesThatOnlyTheOwnerReads(t *testing.T) {
	f, err := openFolder(t.TempDir(), "https://ca.test/")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a long first text", "second"} {
		if err := f.write("x.pem", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := f.read("x.pem"); err != nil || string(got) != text {
			t.Errorf("%q %v, want %q", got, err, text)
		}
	}
	if err := os.Mkdir(f.path("taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.write("taken", nil); err == nil {
		t.Error("a folder was replaced")
	}
	entries, _ := os.ReadDir(string(f))
	if len(entries) != 2 {
		t.Errorf("files left behind: %v", entries)
	}
	if info, err := os.Stat(f.path("x.pem")); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
}
