package acme

import (
	"context"
	"crypto/x509"
	"testing"
	"time"
)

func TestBackoffDoublesUpToItsBound(t *testing.T) {
	p := realPace()
	for failures, want := range map[int]time.Duration{
		0: time.Minute, 1: 2 * time.Minute, 2: 4 * time.Minute, 8: 256 * time.Minute,
		9: 6 * time.Hour, 29: 6 * time.Hour, 30: 6 * time.Hour, 64: 6 * time.Hour, 1 << 40: 6 * time.Hour,
	} {
		var least, most time.Duration = 1 << 62, 0
		for range 1000 {
			d := p.backoff(failures)
			least, most = min(least, d), max(most, d)
		}
		if least < want || most > min(want+want/4, 6*time.Hour) {
			t.Errorf("after %d failures %v to %v, want %v and up to a quarter more", failures, least, most, want)
		}
		if want < 6*time.Hour && least == most {
			t.Errorf("after %d failures always %v", failures, least)
		}
	}
}

func TestRenewalIsDueWithAThirdOfTheLifeLeft(t *testing.T) {
	for life, third := range map[time.Duration]time.Duration{
		90 * 24 * time.Hour: 30 * 24 * time.Hour,
		6 * 24 * time.Hour:  48 * time.Hour,
		time.Hour:           20 * time.Minute,
		0:                   0,
		-time.Hour:          -20 * time.Minute, // an authority that is out of its mind
	} {
		leaf := &x509.Certificate{NotBefore: born, NotAfter: born.Add(life)}
		for range 1000 {
			left := leaf.NotAfter.Sub(renewAt(leaf))
			if left > third || left < third-max(third, 0)/10 {
				t.Fatalf("life %v: renewed with %v left", life, left)
			}
		}
	}
}

// A clock that is set, or that ran while timers stood still, is noticed.
func TestWaitsAreShortAndLookAtTheClock(t *testing.T) {
	now, waits := born, 0
	p := pace{now: func() time.Time { return now }}
	p.wait = func(_ context.Context, d time.Duration) bool {
		if d > maxSleep {
			t.Errorf("waits for %v", d)
		}
		if waits++; waits == 2 {
			d = 100 * 24 * time.Hour
		}
		now = now.Add(d)
		return true
	}
	if !p.until(t.Context(), born.Add(60*24*time.Hour)) || waits != 2 {
		t.Errorf("%d waits", waits)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if p.until(ended, born) {
		t.Error("goes on after the end")
	}
	p.wait = wait
	if p.until(ended, now.Add(time.Hour)) {
		t.Error("waited for the end")
	}
	if !wait(t.Context(), time.Microsecond) {
		t.Error("the end came too early")
	}
}
