package acme

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rfc8555 "golang.org/x/crypto/acme"

	"weir/configs"
)

// handClock stands until it is moved; a wait ends when it has been.
type handClock struct {
	now   atomic.Pointer[time.Time]
	waits chan time.Duration
	moved chan struct{}
}

func newHandClock(at time.Time) *handClock {
	c := &handClock{waits: make(chan time.Duration, 10), moved: make(chan struct{})}
	c.now.Store(&at)
	return c
}

func (c *handClock) pace() pace {
	p := realPace()
	p.now = func() time.Time { return *c.now.Load() }
	p.wait = func(ctx context.Context, d time.Duration) bool {
		c.waits <- d
		select {
		case <-c.moved:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return p
}

func (c *handClock) move(to time.Time) {
	<-c.waits
	c.now.Store(&to)
	c.moved <- struct{}{}
}

// loaded starts a manager that has loaded a certificate from storage.
func loaded(t *testing.T, cfg *configs.ACME, clock *handClock) (*Manager, *journal) {
	t.Helper()
	j := &journal{t: t, events: make(chan entry, 10)}
	m, err := newManager(cfg, j.log, clock.pace())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	j.until(Loaded)
	m.Start()
	return m, j
}

// A process that shares the storage has renewed: nobody is asked.
func TestRenewalOfAnotherProcessIsTaken(t *testing.T) {
	const host = "a.weir.test"
	cfg := offline(t, host)
	f, err := openFolder(cfg.Storage, cfg.Directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write(certFile(host), makePair(t, host, born)); err != nil {
		t.Fatal(err)
	}
	clock := newHandClock(born)
	m, j := loaded(t, cfg, clock)
	later := born.Add(70 * 24 * time.Hour)
	if err := f.write(certFile(host), makePair(t, host, later)); err != nil {
		t.Fatal(err)
	}
	clock.move(later)
	if e := j.next(); e.Kind != Renewed || !e.Expires.Equal(later.Add(90*24*time.Hour)) {
		t.Fatalf("%s, expires %s: %v", e.Kind, e.Expires, e.Err)
	}
	if got := m.Certificate(host).Leaf.NotBefore; !got.Equal(later) {
		t.Errorf("the certificate is that of %s", got)
	}
	<-clock.waits // for the next one
}

// Waits grow from failure to failure, a certificate that is there stays, and a damaged
// account key is not replaced.
func TestFailuresBackOffAndKeepTheCertificate(t *testing.T) {
	const host = "a.weir.test"
	cfg := offline(t, host)
	f, err := openFolder(cfg.Storage, cfg.Directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.write(certFile(host), makePair(t, host, born)), f.write(accountFile, []byte("damaged"))); err != nil {
		t.Fatal(err)
	}
	at := born.Add(70 * 24 * time.Hour)
	clock := newHandClock(at)
	m, j := loaded(t, cfg, clock)
	for _, least := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		e := j.next()
		if e.Kind != Failed || e.Retry < least || e.Retry > least*5/4 || !strings.Contains(e.Err.Error(), accountFile) {
			t.Fatalf("%s, again in %v: %v", e.Kind, e.Retry, e.Err)
		}
		if m.Certificate(host) == nil {
			t.Fatal("the certificate is gone")
		}
		at = at.Add(e.Retry)
		clock.move(at)
	}
	if text, _ := f.read(accountFile); string(text) != "damaged" {
		t.Error("the account key was replaced")
	}
}

func TestRetryAfter(t *testing.T) {
	limit := func(after string) error {
		problem := &rfc8555.Error{ProblemType: "urn:ietf:params:acme:error:rateLimited", Header: map[string][]string{"Retry-After": {after}}}
		return errors.Join(fmt.Errorf("tls-alpn-01: %w", problem))
	}
	for _, c := range []struct {
		err  error
		want time.Duration
	}{
		{errors.New("refused"), 0},
		{&rfc8555.Error{ProblemType: "urn:ietf:params:acme:error:malformed", Header: map[string][]string{"Retry-After": {"60"}}}, 0},
		{&rfc8555.Error{ProblemType: "urn:ietf:params:acme:error:rateLimited"}, 0},
		{limit("600"), 10 * time.Minute},
		{limit("99999999"), maxRetryAfter},
		{limit("soon"), 0},
	} {
		if got := retryAfter(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
	if d := retryAfter(limit("-5")); d > 0 {
		t.Errorf("%v", d)
	}
}

func TestReasonIsOneBoundedLine(t *testing.T) {
	got := reason(errors.New("a\nb\x1b[31m\u2028\xff" + strings.Repeat("x", 5000))).Error()
	if want := "a b [31m  xxx"; !strings.HasPrefix(got, want) || len(got) > maxReasonBytes+3 || !strings.HasSuffix(got, "x...") {
		t.Errorf("%d bytes: %.40q", len(got), got)
	}
	if got := reason(errors.New("plain")).Error(); got != "plain" {
		t.Errorf("%q", got)
	}
}
