package configs

import (
	"slices"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address string
		want    []string
	}{
		{"127.0.0.1:80", []string{"127.0.0.1:80"}},
		{"127.0.0.1:0", []string{"127.0.0.1:0"}},
		{"127.0.0.1:9000-9002", []string{"127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"}},
		{"[::1]:65534-65535", []string{"[::1]:65534", "[::1]:65535"}},
		{":7-8", []string{":7", ":8"}},
		{":7-7", []string{":7"}},
		{"127.0.0.1:9002-9000", []string{"127.0.0.1:9002-9000"}},
		{"nonsense", []string{"nonsense"}},
	} {
		if got := NewListener(c.address).Addresses(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.address, got, c.want)
		}
	}
	if got := NewListener(":20000-21023").Addresses(); len(got) != maxPorts || got[maxPorts-1] != ":21023" {
		t.Errorf("the longest range has %d ports", len(got))
	}
}

func TestPortRange(t *testing.T) {
	for _, c := range []struct {
		ports       string
		first, last uint16
	}{
		{"", 0, 65535},
		{"443", 443, 443},
		{"1-65535", 1, 65535},
	} {
		f := Forward{Ports: c.ports}
		if first, last, err := f.PortRange(); err != nil || first != c.first || last != c.last {
			t.Errorf("%q: %d to %d, %v", c.ports, first, last, err)
		}
	}
}

func TestSplitPortsIsStrict(t *testing.T) {
	for _, s := range []string{"", "-", "0", "80-", "-80", "080", "+80", " 80", "80 ", "1-2-3", "65536", "1-65536", "2-1", "８０"} {
		if first, last, err := splitPorts(s); err == nil {
			t.Errorf("%q is taken for %d to %d", s, first, last)
		}
	}
}
