package acme

import (
	"context"
	"crypto/x509"
	"math/rand/v2"
	"time"
)

// pace is the clock, and how long to wait. Tests have their own.
type pace struct {
	now func() time.Time
	// wait returns after d, or with false once ctx has ended.
	wait func(ctx context.Context, d time.Duration) bool
	// first and last bound the backoff after failures.
	first, last time.Duration
}

func realPace() pace {
	return pace{now: time.Now, wait: wait, first: time.Minute, last: 6 * time.Hour}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// maxSleep bounds one wait. Timers stand still while a machine is suspended, and do
// not notice when its clock is set.
const maxSleep = 6 * time.Hour

// until waits for a time of the wall clock, or returns false once ctx has ended.
func (p *pace) until(ctx context.Context, due time.Time) bool {
	for {
		d := due.Sub(p.now())
		if d <= 0 {
			return ctx.Err() == nil
		}
		if !p.wait(ctx, min(d, maxSleep)) {
			return false
		}
	}
}

// backoff is the wait after a failure that follows that many others: doubled each
// time, and up to a quarter more by chance, so that many hosts do not come back at
// the same moment.
func (p *pace) backoff(failures int) time.Duration {
	d := p.last
	if p.first < p.last>>failures { // shifted this way, it cannot overflow
		d = p.first << failures
	}
	return min(d+rand.N(d/4+1), p.last)
}

// window is when a certificate may be renewed: a third of its life is left.
func window(leaf *x509.Certificate) (opens time.Time, third time.Duration) {
	third = leaf.NotAfter.Sub(leaf.NotBefore) / 3
	return leaf.NotAfter.Add(-third), third
}

// renewAt is when to renew a certificate: by chance in the first tenth of the window,
// so that certificates obtained together are not renewed together.
func renewAt(leaf *x509.Certificate) time.Time {
	opens, third := window(leaf)
	return opens.Add(rand.N(max(third/10, 0) + 1))
}
