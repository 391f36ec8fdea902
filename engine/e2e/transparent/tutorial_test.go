package transparent

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/netnstest"
)

const tutorial = "../../../docs/transparent.md"

// The commands of the tutorial do what it says, one after the other in one shell. Only
// the folder of its files is another, and the namespaces it names are not the machine's.
func TestTutorial(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "curl", "python3", "unshare")
	text, err := os.ReadFile(tutorial)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	commands := "cd ../../..\n" + strings.ReplaceAll(shellBlocks(string(text)), "/tmp/weir", filepath.Join(dir, "weir"))
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(commands), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// When the first process of the namespace of processes ends, so do all others.
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
		"sh", "-c", "mount -t tmpfs tmpfs /run && exec bash -ex "+script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, part := range []string{
		"transparent.toml: ok (3 listeners, ",
		"made table inet weir",
		"< X-Weir-Upstream-Service-Time: ",
		`::ffff:10.77.1.2 - - [`,
		`fd77:1::2 - - [`,
		`"original_dst":"[fd77:2::2]:80"`,
		"DEBUG original destination found\nDEBUG endpoint added\nDEBUG connecting\nDEBUG connected\nDEBUG response complete\n",
		"DEBUG stale endpoint removed\n",
		"\nrefused\n",
		`"fault":"direct_connection"`,
		"\n504\n",
		`::ffff:10.77.2.1 - - [`,
		"removed table inet weir",
	} {
		if !strings.Contains(string(out), part) {
			t.Errorf("no %q in:\n%s", part, out)
		}
	}
}

// shellBlocks are the blocks of a document that a reader is to paste into a shell.
func shellBlocks(text string) string {
	var all strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		switch {
		case line == "```sh\n":
			inside = true
		case line == "```\n":
			inside = false
		case inside:
			all.WriteString(line)
		}
	}
	return all.String()
}
