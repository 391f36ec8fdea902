package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"weir/engine/e2e/probe"
)

// weir runs one command line in this process.
func weir(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = execute(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" || cmd.Long == "" {
				t.Error("no Short or no Long")
			}
			if !strings.Contains(cmd.Example, cmd.CommandPath()) {
				t.Errorf("the example does not show %q: %q", cmd.CommandPath(), cmd.Example)
			}
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			code, stdout, stderr := weir(t, args...)
			if code != exitOK || !strings.Contains(stdout, cmd.Example) || stderr != "" {
				t.Errorf("--help: exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRoot())
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		name string
		args string
		want string // in stderr
	}{
		{"near command", "chek", "unknown command \"chek\"; did you mean 'weir check'?"},
		{"near command, before flags", "demmo --address 127.0.0.1:0", "did you mean 'weir demo'?"},
		{"far command", "frobnicate", "unknown command \"frobnicate\"\n"},
		{"near subcommand", "bench htp", "unknown command \"bench htp\"; did you mean 'weir bench http'?"},
		{"near flag", "demo --adress 127.0.0.1:0", "unknown flag --adress; did you mean --address?"},
		{"far flag", "demo --frobnicate", "unknown flag: --frobnicate\n"},
		{"unknown shorthand", "run -x", "unknown shorthand flag: 'x' in -x"},
		{"flag without its value", "run -c", "flag needs an argument"},
		{"file without its flag", "run weir.toml", "did you mean 'weir run -c weir.toml'?"},
		{"argument", "version please", "unexpected argument \"please\""},
		{"run without a file", "run", "weir demo"},
		{"check without a file", "check", "weir check -c weir.toml"},
		{"transparent up without a file", "transparent up", "weir transparent up -c weir.toml"},
		{"transparent check without a file", "transparent check", "weir transparent check -c weir.toml"},
		{"transparent with another tool", "transparent up -c weir.toml --tool ufw", "\"ufw\" is not known; give nft or iptables"},
		{"near transparent", "transparent don", "did you mean 'weir transparent down'?"},
		{"bench without a URL", "bench ws", "takes one URL"},
		{"bench with a bad URL", "bench ws ftp://127.0.0.1/", "ws://"},
		{"bench with a bad size", "bench ws ws://127.0.0.1:1/ --size much", "\"much\" is not a size"},
		{"bench with no connection", "bench http http://127.0.0.1:1/ --connections 0", "connections: 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := weir(t, strings.Fields(tt.args)...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "weir: ") || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, stdout %q, stderr %q; want 2 and %q", code, stdout, stderr, tt.want)
			}
			if strings.Contains(stderr, "Usage:") || !strings.Contains(stderr, "--help") {
				t.Errorf("want a pointer to the help, not the help: %q", stderr)
			}
		})
	}
}

func TestRootWithoutArgumentsShowsHelp(t *testing.T) {
	if code, stdout, _ := weir(t); code != exitOK || !strings.Contains(stdout, "weir demo") {
		t.Errorf("exit %d, stdout %q", code, stdout)
	}
}

const goodFile = `[listeners.edge]
address = "127.0.0.1:0"
[[routes]]
prefix = "/"
cluster = "app"
[clusters.app]
endpoints = ["127.0.0.1:9001"]
`

func TestCheck(t *testing.T) {
	tests := []struct {
		name           string
		file           string
		code           int
		stdout, stderr []string // parts; none: nothing may be printed
	}{
		{name: "good", file: goodFile,
			stdout: []string{"weir.toml: ok (1 listener, 1 route, 1 cluster)\n"}},
		{name: "two mistakes at once", file: strings.ReplaceAll(goodFile, "prefix", "prefx") + "balance = \"random\"\n", code: exitFailure,
			stderr: []string{"weir.toml:4: ", "prefix", "weir.toml:8: ", "round_robin", "weir.toml: 2 mistakes"}},
		{name: "warning", file: goodFile + "[clusters.spare]\nendpoints = [\"127.0.0.1:9002\"]\n",
			stdout: []string{"ok (1 listener, 1 route, 2 clusters)"}, stderr: []string{"warning: ", "weir.toml:8: ", "spare"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "weir.toml")
			if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := weir(t, "check", "-c", file)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			requireParts(t, "stdout", stdout, tt.stdout)
			requireParts(t, "stderr", stderr, tt.stderr)
		})
	}
}

func requireParts(t *testing.T, name, got string, parts []string) {
	t.Helper()
	if len(parts) == 0 && got != "" {
		t.Errorf("%s: %q, want nothing", name, got)
	}
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s: %q lacks %q", name, got, part)
		}
	}
}

func TestFailuresAreShort(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "absent.toml")
	for _, command := range []string{"check", "run"} {
		code, stdout, stderr := weir(t, command, "-c", missing)
		if code != exitFailure || stdout != "" || !strings.Contains(stderr, missing+": ") || strings.Contains(stderr, "Usage:") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", command, code, stdout, stderr)
		}
	}
}

func TestRunServesUntilCancelled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.toml")
	if err := os.WriteFile(file, []byte("[log]\naccess = \"off\"\n"+goodFile), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs probe.Buffer
	if code := execute(ctx, []string{"run", "-c", file}, &out, &errs); code != exitOK {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := weir(t, "version"); code != exitOK || !strings.HasPrefix(stdout, "weir dev\ncommit ") {
		t.Errorf("exit %d, stdout %q", code, stdout)
	}
	var out strings.Builder
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.time", Value: "2026-11-21T05:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	if err := printVersion(&out, info); err != nil || !strings.Contains(out.String(), "commit abc123, 2026-11-21T05:00:00Z, modified\n") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	var b strings.Builder
	if paletteFor(&b).on {
		t.Error("colours into a buffer")
	}
	if got := (palette{on: true}).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := (palette{}).red("x"); got != "x" {
		t.Errorf("%q", got)
	}
}
