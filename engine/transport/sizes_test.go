package transport

import (
	"testing"
	"unsafe"
)

// There are two of these in a tunnel. A field more is a decision, not an accident.
func TestSizes(t *testing.T) {
	const want = 112
	got := unsafe.Sizeof(Conn{})
	t.Logf("%-20s %4d bytes", "transport.Conn", got)
	if got > want {
		t.Errorf("Conn has %d bytes, want at most %d", got, want)
	}
}
