package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Root finds the folder of weir's module: from, or the nearest above it.
func Root(from string) (string, error) {
	for dir := from; ; dir = filepath.Dir(dir) {
		if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(b, []byte("module weir\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("weir's source is not here; run bench/compare inside its tree")
		}
	}
}

// Build builds weir from root into dir, as a release is built, and returns the path
// of the binary: proxy, backend and load generator in one.
func Build(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "weir")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/weir")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("weir cannot be built: %w\n%s", err, out)
	}
	return binary, nil
}
