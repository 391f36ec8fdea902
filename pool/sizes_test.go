package pool

import (
	"testing"
	"unsafe"
)

// What a connection holds of the pool: a Chain always, a Buffer while bytes wait, a
// link for each buffer of a chain.
func TestSizes(t *testing.T) {
	for _, s := range []struct {
		name      string
		got, want uintptr
	}{
		{"pool.Buffer", unsafe.Sizeof(Buffer{}), 24},
		{"pool.Chain", unsafe.Sizeof(Chain{}), 24},
		{"pool.link", unsafe.Sizeof(link{}), 24},
	} {
		t.Logf("%-20s %4d bytes", s.name, s.got)
		if s.got > s.want {
			t.Errorf("%s has %d bytes, want at most %d", s.name, s.got, s.want)
		}
	}
}
