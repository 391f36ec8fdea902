package results

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine is what a comparison ran on, and which commit of weir it measured.
type Machine struct {
	Date     string `json:"date"` // RFC 3339
	Commit   string `json:"commit"`
	Dirty    bool   `json:"dirty"` // the tree differed from the commit
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryGB int    `json:"memory_gib"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Files    int    `json:"descriptors"` // limit of a process
}

// NewMachine looks around. root is the folder of weir's module.
func NewMachine(ctx context.Context, root string, files int) Machine {
	m := Machine{
		Date: time.Now().UTC().Format(time.RFC3339), Cores: runtime.NumCPU(),
		Go: runtime.Version(), Files: files,
		CPU: field("/proc/cpuinfo", "model name"), Commit: "unknown",
	}
	if kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryGB = (kib + 1<<19) >> 20
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	if out, err := git(ctx, root, "rev-parse", "--short", "HEAD"); err == nil {
		m.Commit = out
	}
	out, err := git(ctx, root, "status", "--porcelain")
	m.Dirty = err != nil || out != ""
	return m
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// field is the value of the first line of a file of /proc that is called name.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
