package acme

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// No goroutine outlives its manager. The one of pebble's that waits for work has no
// way to end.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		deadline := time.Now().Add(10 * time.Second)
		for len(strangers()) > 0 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		if left := strangers(); len(left) > 0 {
			fmt.Printf("goroutines left:\n\n%s\n", strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// strangers are the stacks of goroutines that should have ended. The runtime shows
// those of its own that run cleanups.
func strangers() (left []string) {
	buf := make([]byte, 4<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	for _, s := range stacks[1:] { // the first is this one
		if !strings.Contains(s, "va.VAImpl.processTasks") && !strings.Contains(s, "\nruntime.run") {
			left = append(left, s)
		}
	}
	return left
}
