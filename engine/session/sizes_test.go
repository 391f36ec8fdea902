package session

import (
	"testing"
	"unsafe"

	"weir/engine/cluster"
)

// What an idle tunnel holds is Session + Upstream + tunnel and the text of its log
// line. Upper bounds: a field more is a decision, not an accident. What is embedded
// in these has bounds in its own package.
func TestSizesOfWhatIdleTunnelsHold(t *testing.T) {
	idle := unsafe.Sizeof(Session{}) + unsafe.Sizeof(cluster.Upstream{}) + unsafe.Sizeof(tunnel{})
	for _, s := range []struct {
		name     string
		got, max uintptr
	}{
		{"session.Session", unsafe.Sizeof(Session{}), 280},
		{"session.exchange", unsafe.Sizeof(exchange{}), 360},
		{"session.tunnel", unsafe.Sizeof(tunnel{}), 88},
		{"an idle tunnel", idle, 576},
	} {
		t.Logf("%-20s %4d bytes", s.name, s.got)
		if s.got > s.max {
			t.Errorf("%s has %d bytes, want at most %d", s.name, s.got, s.max)
		}
	}
}
