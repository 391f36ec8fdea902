package certs

import (
	"crypto"
	"crypto/rsa"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Signers make the signatures of RSA keys on threads of their own, of low priority.
//
// One takes a millisecond of CPU time (six, of 4096 bits). Computed by a worker it would
// hold up all connections of a loop for as long: the loop's thread runs the worker when
// the loop yields, the one that is woken for the loop finds the processor taken, and the
// kernel lets a thread that has just begun go on. A thread that is another from the
// start, and yields to any that wakes, costs the others next to nothing.
type Signers struct {
	jobs    chan *signing
	threads sync.WaitGroup
}

type signing struct {
	key    *rsa.PrivateKey
	rand   io.Reader
	digest []byte
	opts   crypto.SignerOpts

	signature []byte
	err       error
	done      chan struct{}
}

const (
	// signingNice is the priority of the threads: a tenth of a loop's share, where the
	// two compete for a processor, so that handshakes go on beside loops that are busy.
	signingNice = 10
	// signingSlice is how long they ask to go on at a time, in nanoseconds: whoever asks
	// for less, as all others do, need not wait for its end (Linux 6.12).
	signingSlice = 3_000_000
)

// NewSigners starts n threads. As many as there are goroutines that sign are enough.
func NewSigners(n int) *Signers {
	s := &Signers{jobs: make(chan *signing)}
	for range n {
		s.threads.Go(s.run)
	}
	return s
}

// Close ends the threads. Nobody may be signing, or sign afterwards.
func (s *Signers) Close() {
	close(s.jobs)
	s.threads.Wait()
}

func (s *Signers) run() {
	// Never unlocked: to raise the priority again takes a privilege, so the thread ends
	// with the goroutine.
	runtime.LockOSThread()
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Nice: signingNice, Runtime: signingSlice}
	_ = unix.SchedSetAttr(0, &attr, 0) // of this thread; without it, it competes as an equal
	for j := range s.jobs {
		j.signature, j.err = j.key.Sign(j.rand, j.digest, j.opts)
		close(j.done)
	}
}

// offloadedKey is a key that signs on the Signers of its Server or Client, once there are
// some.
type offloadedKey struct {
	*rsa.PrivateKey
	signers *atomic.Pointer[Signers]
}

// Sign is crypto.Signer. It blocks while a thread computes.
func (k offloadedKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s := k.signers.Load()
	if s == nil {
		return k.PrivateKey.Sign(rand, digest, opts)
	}
	j := &signing{key: k.PrivateKey, rand: rand, digest: digest, opts: opts, done: make(chan struct{})}
	s.jobs <- j
	<-j.done
	return j.signature, j.err
}

// offload puts an RSA key in the hands of signers.
func offload(key crypto.PrivateKey, signers *atomic.Pointer[Signers]) crypto.PrivateKey {
	if k, ok := key.(*rsa.PrivateKey); ok {
		return offloadedKey{k, signers}
	}
	return key
}
