package configs

import (
	"reflect"
	"testing"
)

func TestFamilies(t *testing.T) {
	for address, want := range map[string][]Family{
		":80":                 {IPv4, IPv6},
		"[::]:80":             {IPv4, IPv6},
		"0.0.0.0:80":          {IPv4},
		"10.0.0.1:80-81":      {IPv4},
		"[fd00::1]:80":        {IPv6},
		"[::ffff:10.0.0.1]:1": {IPv4},
		"localhost:80":        nil,
		"80":                  nil,
	} {
		if got := NewListener(address).Families(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}
