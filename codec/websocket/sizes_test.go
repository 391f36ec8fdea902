package websocket

import (
	"testing"
	"unsafe"
)

// A parsed header lives on the stack or in what reads frames.
func TestSizes(t *testing.T) {
	const want = 16
	got := unsafe.Sizeof(Header{})
	t.Logf("%-20s %4d bytes", "websocket.Header", got)
	if got > want {
		t.Errorf("Header has %d bytes, want at most %d", got, want)
	}
}
