package configs

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	keys := []string{"cluster", "clusters", "host", "path", "add", "to", "max_head", "endpoints"}
	tests := []struct{ word, want string }{
		{"cluter", "cluster"},
		{"clusterss", "clusters"},
		{"hots", "host"},
		{"Host", "host"},
		{"max-head", "max_head"},
		{"MaxHead", "max_head"},
		{"endpoint", "endpoints"},
		{"ad", "add"},
		{"xy", ""},
		{"abc", ""},
		{"t", "to"},
		{"zzzz", ""},
		{"", ""},
		{strings.Repeat("host", 1000), ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, keys); got != tt.want {
			t.Errorf("nearest(%.20q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abcd", "acbd", 1}} {
		if got := distance(tt.a, tt.b); got != tt.want || distance(tt.b, tt.a) != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
