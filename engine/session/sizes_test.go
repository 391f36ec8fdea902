package session

import (
	"testing"
	"unsafe"

	"weir/engine/cluster"
	"weir/engine/transport"
)

// What an idle tunnel holds is Session + Upstream + tunnel and the text of its log
// line. Upper bounds: a field more is a decision, not an accident.
func TestSizesOfWhatIdleTunnelsHold(t *testing.T) {
	for _, s := range []struct {
		name     string
		got, max uintptr
	}{
		{"Session", unsafe.Sizeof(Session{}), 280},
		{"transport.Conn", unsafe.Sizeof(transport.Conn{}), 104},
		{"cluster.Upstream", unsafe.Sizeof(cluster.Upstream{}), 224},
		{"transport.Timer", unsafe.Sizeof(transport.Timer{}), 48},
		{"tunnel", unsafe.Sizeof(tunnel{}), 104},
		{"exchange", unsafe.Sizeof(exchange{}), 400},
	} {
		t.Logf("%-18s %4d bytes", s.name, s.got)
		if s.got > s.max {
			t.Errorf("%s has %d bytes, want at most %d", s.name, s.got, s.max)
		}
	}
}
