package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// chatter is one end of a tunnel: it sends messages of random sizes with random
// pauses, while it takes what comes, and hashes both.
type chatter struct{ sent, got string }

func (ch *chatter) talk(c *net.TCPConn, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 1))
	out := sha256.New()
	written := make(chan error, 1)
	go func() {
		text := pattern(uint32(seed), 128<<10)
		for range 5 + random.IntN(15) {
			size := 1 + random.IntN(1<<random.IntN(17)) // 1 B to 64 KiB, small ones often
			at := random.IntN(len(text) - size)
			out.Write(text[at : at+size])
			if _, err := c.Write(text[at : at+size]); err != nil {
				written <- err
				return
			}
			if random.IntN(3) == 0 {
				time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
			}
		}
		written <- c.CloseWrite()
	}()
	in := sha256.New()
	_, err := io.Copy(in, onlyReader{c})
	err = errors.Join(err, <-written)
	ch.sent, ch.got = hex.EncodeToString(out.Sum(nil)), hex.EncodeToString(in.Sum(nil))
	return err
}

// 200 tunnels at once, and not a byte of one is lost, changed, or found in another.
func TestTunnelsDoNotMixBytes(t *testing.T) {
	const tunnels = 200
	var far, near [tunnels]chatter
	var farEnds sync.WaitGroup
	farEnds.Add(tunnels)
	backend := tunnelBackend(t, func(c *net.TCPConn, target string) {
		defer farEnds.Done()
		i, err := strconv.Atoi(strings.TrimPrefix(target, "/"))
		if err != nil || i >= tunnels {
			t.Errorf("target %q", target)
			return
		}
		if err := far[i].talk(c, uint64(1000+i)); err != nil {
			t.Errorf("endpoint's end of %d: %v", i, err)
		}
	})
	w := start(t, "[engine]\npause_above = \"32KiB\"\n"+oneCluster(backend))
	var nearEnds sync.WaitGroup
	for i := range tunnels {
		c, _ := w.openTunnel("/" + strconv.Itoa(i))
		nearEnds.Go(func() {
			if err := near[i].talk(c, uint64(i)); err != nil {
				t.Errorf("client's end of %d: %v", i, err)
			}
			_ = c.Close()
		})
	}
	nearEnds.Wait()
	farEnds.Wait()
	for i := range tunnels {
		if near[i].sent != far[i].got || far[i].sent != near[i].got {
			t.Errorf("tunnel %d: what was sent is not what arrived", i)
		}
	}
	if s := w.stats(); s.Tunnels != tunnels {
		t.Errorf("%d tunnels were counted, want %d", s.Tunnels, tunnels)
	}
}
