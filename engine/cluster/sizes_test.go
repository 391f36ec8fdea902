package cluster

import (
	"testing"
	"unsafe"
)

// Every tunnel, exchange and idle upstream connection has one. A field more is a
// decision, not an accident.
func TestSizes(t *testing.T) {
	const want = 208
	got := unsafe.Sizeof(Upstream{})
	t.Logf("%-20s %4d bytes", "cluster.Upstream", got)
	if got > want {
		t.Errorf("Upstream has %d bytes, want at most %d", got, want)
	}
}
