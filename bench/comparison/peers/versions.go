package peers

import (
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

var number = regexp.MustCompile(`v?\d+\.\d+[^\s,\]\)]*`)

// Version is what p says about itself, shortened to the number; weir's is its
// commit, which the caller knows.
func (p *Peer) Version() string {
	switch p.Name {
	case Weir:
		return ""
	case HTTPUtil:
		return runtime.Version()
	case Gnet:
		return moduleVersion("github.com/panjf2000/gnet/v2")
	}
	return ToolVersion(p.Binary, p.version...)
}

// ToolVersion is the first number in what a program prints when it is asked for its
// version; "unknown" if there is none. Some exit with 1 then.
func ToolVersion(binary string, args ...string) string {
	out, _ := exec.Command(binary, args...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if found := number.FindString(line); found != "" {
			return found
		}
	}
	return "unknown"
}

// moduleVersion is the version of a dependency of this program.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}
