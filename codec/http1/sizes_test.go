package http1

import (
	"testing"
	"unsafe"
)

// What every connection or exchange holds, in bytes. A field added here is paid for
// tens of thousands of times.
func TestSizes(t *testing.T) {
	sizes := []struct {
		name      string
		got, want uintptr
	}{
		{"Span", unsafe.Sizeof(Span{}), 4},
		{"Field", unsafe.Sizeof(Field{}), 10},
		{"BodyDecoder", unsafe.Sizeof(BodyDecoder{}), 24},
		{"RequestHead", unsafe.Sizeof(RequestHead{}), 64},
		{"ResponseHead", unsafe.Sizeof(ResponseHead{}), 48},
	}
	for _, s := range sizes {
		t.Logf("%-20s %4d bytes", "http1."+s.name, s.got)
		if s.got > s.want {
			t.Errorf("%s has %d bytes, want at most %d", s.name, s.got, s.want)
		}
	}
}
