package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// roll counts questions and answers, and tells when all have been answered.
type roll struct {
	asked, answered atomic.Int64
	sealed          atomic.Bool // asked is final
	once            sync.Once
	done            chan struct{}
}

func newRoll() *roll { return &roll{done: make(chan struct{})} }

func (c *roll) ask(n int64) { c.asked.Add(n) }

func (c *roll) answer(n int64) {
	c.answered.Add(n)
	c.settle()
}

// seal says that nothing more is asked.
func (c *roll) seal() {
	c.sealed.Store(true)
	c.settle()
}

func (c *roll) settle() {
	if c.sealed.Load() && c.answered.Load() >= c.asked.Load() {
		c.once.Do(func() { close(c.done) })
	}
}

// wait returns when the roll is sealed and all is answered, at late, or when ctx is
// done.
func (c *roll) wait(ctx context.Context, late <-chan time.Time) {
	select {
	case <-c.done:
	case <-late:
	case <-ctx.Done():
	}
}
