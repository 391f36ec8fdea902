package e2e

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Whatever the sizes of what the two sides say, whoever pauses, reads slowly or ends
// first: each hears all that the other said, and its end.
func TestTCPRandomConversations(t *testing.T) {
	const conversations = 24
	for _, form := range tcpForms {
		t.Run(form.name, func(t *testing.T) {
			// The client begins with a byte that seeds both sides.
			w, dial := startTCPForm(t, form.front, form.back, func(c opaqueConn) {
				seed := make([]byte, 1)
				if _, err := io.ReadFull(c, seed); err != nil {
					t.Error(err)
					return
				}
				converse(t, c, uint64(seed[0]), false)
			})
			var wg sync.WaitGroup
			for k := range conversations {
				c := dial()
				wg.Go(func() {
					if _, err := c.Write([]byte{byte(k)}); err != nil {
						t.Error(err)
					}
					converse(t, c, uint64(k), true)
					_ = c.Close()
				})
			}
			wg.Wait()
			for _, line := range w.opaqueLines(conversations) {
				if line.Fault != "" {
					t.Errorf("log line %+v", line)
				}
			}
		})
	}
}

// converse is one side of a conversation. Both know by the seed what the other says.
func converse(t *testing.T, c opaqueConn, seed uint64, client bool) {
	mine, theirs := seed<<1, seed<<1|1
	if !client {
		mine, theirs = theirs, mine
	}
	random := rand.New(rand.NewPCG(mine, 7))
	if random.IntN(3) == 0 {
		_ = tcpOf(c).SetReadBuffer(128 << 10)
	}
	var said sync.WaitGroup
	said.Go(func() { say(t, c, speech(mine), random) })
	if got, err := io.ReadAll(onlyReader{c}); err != nil || !bytes.Equal(got, speech(theirs)) {
		t.Errorf("conversation %d, client %v: heard %d bytes of %d, %v", seed, client, len(got), len(speech(theirs)), err)
	}
	said.Wait()
}

// speech is what a side says: nothing, a few words, or up to a MiB.
func speech(who uint64) []byte {
	random := rand.New(rand.NewPCG(who, 9))
	return pattern(uint32(who), [...]int{0, random.IntN(100), random.IntN(20 << 10), random.IntN(1 << 20)}[random.IntN(4)])
}

// say sends words in pieces, with pauses, and ends.
func say(t *testing.T, c opaqueConn, words []byte, random *rand.Rand) {
	for len(words) > 0 {
		n := min(len(words), 1+random.IntN([...]int{10, 2000, 200 << 10}[random.IntN(3)]))
		if len(words) > 100<<10 {
			n = max(n, min(len(words), 8<<10)) // else it takes long
		}
		if _, err := c.Write(words[:n]); err != nil {
			t.Error(err)
			return
		}
		words = words[n:]
		if random.IntN(4) == 0 {
			time.Sleep(time.Duration(random.IntN(int(time.Millisecond))))
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
}
