package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestOversizedHeadIsRefused(t *testing.T) {
	const line = "GET / HTTP/1.1\r\nHost: a\r\n"
	tests := []struct {
		name, in string
		status   int
		fault    string
	}{
		{"one long field", line + "A: " + strings.Repeat("b", 2048) + "\r\n\r\n", 431, "head_too_large"},
		{"many short fields", line + strings.Repeat("A: b\r\n", 20) + "\r\n", 431, "head_too_large"},
		{"no end in sight", line + "A: " + strings.Repeat("b", 64<<10), 431, "head_too_large"},
		{"long target", "GET /" + strings.Repeat("a", 300) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long"},
		{"target without end", "GET /" + strings.Repeat("a", 64<<10), 414, "target_too_long"},
	}
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend), `max_head = "1KiB"`, `max_target = "256B"`, "max_fields = 16")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := w.client()
			c.t = t
			c.send(tt.in)
			c.requireRefusal(tt.status, tt.fault)
		})
	}
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}

// The largest head that is allowed passes.
func TestHeadAtTheLimitPasses(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend), `max_head = "1KiB"`, `max_target = "256B"`, "max_fields = 16")
	head := "GET /" + strings.Repeat("a", 255) + " HTTP/1.1\r\nHost: a\r\n"
	for i := range 14 {
		head += fmt.Sprintf("A%d: b\r\n", i)
	}
	head += "Z: " + strings.Repeat("z", 1024-len(head)-len("Z: \r\n\r\n")) + "\r\n\r\n"
	c := w.client()
	c.send(head)
	if res, _ := c.response("GET"); res.StatusCode != 200 {
		t.Fatalf("%s", res.Status)
	}
	if got := receive(t, heads); field(got, "a13") != "b" || len(field(got, "z")) < 500 {
		t.Errorf("the endpoint saw %q", got)
	}
}
