package certs

import (
	"crypto/tls"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/configs"
)

// replace writes text beside path and renames it over.
func replace(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func mustReload(t testing.TB, r Reloader) {
	t.Helper()
	if changed, err := r.Reload(); err != nil || !changed {
		t.Fatalf("changed is %v, error %v", changed, err)
	}
}

// onDisk is a Server whose certificate is in files, and their paths.
func onDisk(t testing.TB, folder string, l *leaf, change func(*configs.ListenerTLS)) (s *Server, cert, key string) {
	t.Helper()
	cert, key = write(t, folder, "tls.crt", l.Cert), write(t, folder, "tls.key", l.Key)
	s = serve(t, func(cfg *configs.ListenerTLS) {
		cfg.Certificates = []*configs.Certificate{{Cert: cert, Key: key}}
		if change != nil {
			change(cfg)
		}
	})
	return s, cert, key
}

func TestReload(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	old, next := a.issue(names), a.issue(names)
	s, cert, key := onDisk(t, t.TempDir(), old, nil)
	if want := []string{cert, key}; !slices.Equal(s.Files(), want) {
		t.Errorf("Files: %v", s.Files())
	}
	before := s.Config()
	if changed, err := s.Reload(); changed || err != nil || s.Config() != before {
		t.Errorf("nothing changed: %v, %v", changed, err)
	}
	replace(t, cert, next.Cert) // the key does not fit
	changed, err := s.Reload()
	if changed || err == nil || s.Config() != before {
		t.Fatalf("a pair that does not fit: %v, %v", changed, err)
	}
	for _, part := range []string{"certificates[0].cert", cert, "certificates[0].key", key} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	for _, bad := range []string{"", "garbage", next.Cert[:len(next.Cert)/2]} {
		replace(t, cert, bad)
		if changed, err := s.Reload(); changed || err == nil || s.Config() != before {
			t.Errorf("a bad file: %v, %v", changed, err)
		}
	}
	replace(t, cert, next.Cert)
	replace(t, key, next.Key)
	mustReload(t, s)
	if got := presented(t, meet(t, s.Config(), asking(a, "a.example"))); !got.Equal(next.cert) {
		t.Error("the old certificate")
	}
	if got := presented(t, meet(t, before, asking(a, "a.example"))); !got.Equal(old.cert) {
		t.Error("the old config changed")
	}
}

func TestReloadDuringHandshakes(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	leaves := []*leaf{a.issue(names), a.issue(names)}
	s, cert, key := onDisk(t, t.TempDir(), leaves[0], nil)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			client := asking(a, "a.example")
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for {
				select {
				case <-stop:
					return
				default:
				}
				o := meet(t, s.Config(), client)
				if o.clientErr != nil || o.serverErr != nil {
					t.Errorf("%v, %v", o.clientErr, o.serverErr)
					return
				}
				s.Covers("a.example", []byte("b.example"))
			}
		})
	}
	now := time.Now()
	for i := range 50 {
		next := leaves[(i+1)%2]
		replace(t, cert, next.Cert)
		replace(t, key, next.Key)
		mustReload(t, s)
		now = now.Add(ticketKeyLife)
		s.RotateTickets(now)
	}
	close(stop)
	all.Wait()
}

func TestErrorsHoldNoKeys(t *testing.T) {
	a := newAuthority(t, "ca")
	good, other := a.issue([]string{"a.example"}), a.issue([]string{"a.example"})
	folder := t.TempDir()
	lines := strings.Split(good.Key, "\n")
	bare := strings.Join(lines[1:len(lines)-2], "")
	if err := syscall.Mkfifo(folder+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]configs.Certificate{
		"fifo":         {Cert: folder + "/fifo", Key: good.Key}, // to open it waits for a writer
		"missing":      {Cert: folder + "/none", Key: good.Key},
		"folder":       {Cert: folder, Key: good.Key},
		"device":       {Cert: "/dev/zero", Key: good.Key},
		"empty":        {Cert: "", Key: good.Key},
		"no fit":       {Cert: other.Cert, Key: good.Key},
		"swapped":      {Cert: good.Key, Key: good.Cert},
		"no armour":    {Cert: good.Cert, Key: bare},
		"after folder": {Cert: good.Cert, Key: folder + "/" + bare},
		"half armour":  {Cert: good.Cert, Key: strings.Join(lines[1:], "\n")},
		"cut":          {Cert: good.Cert, Key: good.Key[:len(good.Key)/2]},
		"damaged":      {Cert: good.Cert, Key: strings.Replace(good.Key, lines[1][:20], "AAAAAAAAAAAAAAAAAAAA", 1)},
		"file no fit":  {Cert: other.Cert, Key: write(t, folder, "key.pem", good.Key)},
		"file damaged": {Cert: good.Cert, Key: write(t, folder, "bare.pem", bare)},
	} {
		_, err := NewServer(configs.NewListenerTLS(&c), nil)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.Contains(err.Error(), "certificates[0].") {
			t.Errorf("%s: %q names no key", name, err)
		}
		for _, secret := range []string{lines[1][:16], lines[2][:16], bare[20:36]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %q holds key material", name, err)
			}
		}
	}
}

// ticketFile is text of n keys.
func ticketFile(keys ...string) string {
	text := "# newest first\n"
	for _, k := range keys {
		text += base64.StdEncoding.EncodeToString([]byte(strings.Repeat(k, 32))) + "\n"
	}
	return text
}

func TestTicketsAcrossServers(t *testing.T) {
	a := newAuthority(t, "ca")
	cert := a.issue([]string{"a.example"})
	folder := t.TempDir()
	with := func(keys string) *Server {
		return serve(t, func(cfg *configs.ListenerTLS) {
			cfg.SessionTickets = true
			if keys != "" {
				cfg.TicketKeys = write(t, folder, "tickets", keys)
			}
		}, cert)
	}
	for _, c := range []struct {
		name        string
		first, next string
		want        bool
	}{
		{"the same", ticketFile("1"), ticketFile("1"), true},
		{"a newer one first", ticketFile("1"), ticketFile("2", "1"), true},
		{"the older one gone", ticketFile("2", "1"), ticketFile("2"), true},
		{"only one to decrypt with", ticketFile("2", "1"), ticketFile("1"), false},
		{"others", ticketFile("1"), ticketFile("2"), false},
		{"none", "", "", false},
	} {
		first, next := with(c.first), with(c.next)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := resuming(t, a, nil)
			client.MinVersion, client.MaxVersion = version, version
			o := meet(t, first.Config(), client)
			o.mustWork(t)
			o = meet(t, next.Config(), client)
			o.mustWork(t)
			if o.server.DidResume != c.want {
				t.Errorf("%s, version %x: resumed is %v", c.name, version, o.server.DidResume)
			}
		}
	}
}

func TestTicketsAcrossReloadAndRotation(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	s, cert, key := onDisk(t, t.TempDir(), a.issue(names), func(cfg *configs.ListenerTLS) { cfg.SessionTickets = true })
	client := resuming(t, a, nil)
	resumes := func(what string, want bool) {
		t.Helper()
		o := meet(t, s.Config(), client)
		o.mustWork(t)
		if o.server.DidResume != want {
			t.Fatalf("%s: resumed is %v", what, o.server.DidResume)
		}
	}
	resumes("at first", false)
	next := a.issue(names)
	replace(t, cert, next.Cert)
	replace(t, key, next.Key)
	mustReload(t, s)
	resumes("after Reload", true)

	now, before := time.Now(), s.Config()
	s.RotateTickets(now.Add(ticketKeyLife - time.Minute))
	if s.Config() != before {
		t.Error("rotated early")
	}
	saved := client.ClientSessionCache
	client.ClientSessionCache = fixedSession{saved}
	for range 2 {
		now = now.Add(ticketKeyLife)
		s.RotateTickets(now.Add(time.Minute))
		resumes("after a rotation", true)
	}
	s.RotateTickets(now.Add(ticketKeyLife + time.Minute))
	resumes("after one too many", false)
}

// fixedSession takes no newer ticket.
type fixedSession struct{ tls.ClientSessionCache }

func (fixedSession) Put(string, *tls.ClientSessionState) {}

func TestNoTickets(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, nil, a.issue([]string{"a.example"}))
	client := resuming(t, a, nil)
	for range 2 {
		o := meet(t, s.Config(), client)
		o.mustWork(t)
		if o.server.DidResume {
			t.Error("resumed")
		}
	}
	before := s.Config()
	s.RotateTickets(time.Now().Add(2 * ticketKeyLife))
	if s.Config() != before {
		t.Error("rotated")
	}
}
