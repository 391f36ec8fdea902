package reactor

import (
	"testing"
	"unsafe"
)

// Every session and every upstream connection has one. A field more is a decision,
// not an accident.
func TestSizes(t *testing.T) {
	const want = 48
	got := unsafe.Sizeof(Timer{})
	t.Logf("%-20s %4d bytes", "reactor.Timer", got)
	if got > want {
		t.Errorf("Timer has %d bytes, want at most %d", got, want)
	}
}
