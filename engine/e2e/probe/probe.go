// Package probe is what end-to-end tests look at from outside of weir: what it has
// written, and what it holds of the process.
package probe

import (
	"bytes"
	"os"
	"runtime"
	"sync"
)

// Buffer is an output that may be read while others write to it. The zero value is
// empty and ready.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is io.Writer; it never fails.
func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is all that was written so far.
func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// FDs is how many descriptors the process has open.
func FDs() (int, error) {
	list, err := os.ReadDir("/proc/self/fd")
	return len(list), err
}

// Stacks are those of all goroutines.
func Stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
