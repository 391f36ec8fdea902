// Package weir_test holds the rules of the tree that no compiler checks: who may
// import whom, where goroutines start and clocks are read, how large files and
// functions may grow, and that the documents point at things that exist.
//
// The tables are statements of policy. To relax one, change it and say why in the
// commit; do not edit it to fix a build.
package weir_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports lists, for every package of this module, which others it may import.
// "x/..." stands for x and all below it. Tests may import, on top of that, their
// own package and those in testImports.
var imports = map[string][]string{
	"codec/...":        {},
	"pool":             {},
	"configs":          {},
	"engine/fault":     {},
	"engine/reactor":   {"pool"},
	"engine/tlsconn":   {},
	"engine/tlstest":   {},
	"engine/netnstest": {},
	// What the kernel does before weir sees a connection. No loop is near it.
	"engine/intercept": {"configs"},
	"engine/transport": {"engine/reactor", "engine/tlsconn", "engine/fault", "pool"},
	// What the operator says about TLS, as crypto/tls understands it.
	"engine/certs":   {"configs", "engine/fault"},
	"engine/route":   {"configs"},
	"engine/observe": {"engine/fault"},
	"engine/acme":    {"configs"},
	// An authority for tests.
	"engine/acme/acmetest": {"configs"},
	// pool: the slab that upstream connections of one loop live in.
	"engine/cluster": {"engine/reactor", "engine/transport", "engine/certs", "engine/fault", "engine/observe", "configs", "pool"},
	// Never the reactor: a session sees logical readiness only.
	"engine/session": {"engine/transport", "engine/tlsconn", "engine/certs", "engine/route", "engine/cluster", "engine/observe", "engine/fault", "codec/...", "pool"},
	// codec: build.go turns the listener's limits into http1.Limits.
	"engine":     {"engine/...", "configs", "pool", "codec/..."},
	"engine/e2e": {},
	// What end-to-end tests of several packages look at.
	"engine/e2e/probe": {},
	// A process of its own, which lives in a network namespace.
	"engine/e2e/transparent": {},
	// A fake network for tests of what runs on transport.
	"engine/transport/transporttest": {"engine/transport", "engine/reactor", "pool"},
	// intercept: rules of the kernel are made before an engine is, and outlive it.
	"cmd/...": {"engine", "engine/intercept", "configs", "bench"},
	// A load generator must not share the engine it measures.
	"bench": {"codec/..."},
	// A module of its own, for what would weigh on weir's: the peers and the plots.
	"bench/comparison/...": {"bench", "bench/comparison/...", "codec/..."},
	".":                    {},
}

// testImports is what test files may import besides.
var testImports = map[string][]string{
	"engine/tlsconn":   {"engine/tlstest"},
	"engine/transport": {"engine/transport/transporttest", "engine/tlstest"},
	"engine/cluster":   {"engine/transport/transporttest", "engine/tlstest"},
	"engine/certs":     {"engine/tlstest"},
	"engine/acme":      {"engine/acme/acmetest"},
	"engine/intercept": {"engine/netnstest"},
	"cmd/weir":         {"engine/netnstest", "engine/e2e/probe"},
	// configs: tests compile their routes from what a user would write.
	"engine/session": {"engine/transport/transporttest", "engine/tlstest", "configs"},
	"engine/e2e":     {"engine/...", "configs", "codec/...", "bench"},
	// intercept: the rules are those that weir makes.
	"engine/e2e/transparent": {"engine", "engine/e2e/probe", "engine/intercept", "engine/tlstest", "engine/netnstest", "engine/fault", "engine/observe", "configs"},
}

// libraries lists which packages may import a library, so that each stays behind
// the few that need it. Tests may use any: peers that were not written here.
var libraries = map[string][]string{
	"github.com/BurntSushi/toml":               {"configs"},
	"github.com/HdrHistogram/hdrhistogram-go":  {"bench"},
	"github.com/fsnotify/fsnotify":             {"engine/certs"},
	"github.com/gobwas/ws":                     {"codec/websocket", "cmd/weir", "bench/comparison/relay/proxytest"},
	"github.com/gobwas/ws/wsutil":              {"cmd/weir", "bench/comparison/relay/proxytest"},
	"github.com/panjf2000/gnet/v2":             {"bench/comparison/relay"},
	"github.com/panjf2000/gnet/v2/pkg/errors":  {"engine/reactor"},
	"github.com/panjf2000/gnet/v2/pkg/netpoll": {"engine/reactor"},
	"github.com/panjf2000/gnet/v2/pkg/queue":   {"engine/reactor"},
	"github.com/spf13/cobra":                   {"cmd/weir", "bench/comparison"},
	"github.com/spf13/pflag":                   {"cmd/weir"},
	"github.com/valyala/bytebufferpool":        {"pool"},
	"github.com/vbauerster/mpb/v8":             {"bench"},
	"github.com/vbauerster/mpb/v8/decor":       {"bench"},
	"go.uber.org/zap":                          {"engine/observe", "engine/session", "engine"},
	"go.uber.org/zap/zapcore":                  {"engine/observe"},
	"github.com/google/nftables":               {"engine/intercept"},
	"github.com/google/nftables/binaryutil":    {"engine/intercept"},
	"github.com/google/nftables/expr":          {"engine/intercept"},
	"github.com/google/nftables/xt":            {"engine/intercept"},
	"github.com/mdlayher/netlink":              {"engine/intercept"},
	"github.com/vishvananda/netlink":           {"engine/intercept"},
	"github.com/letsencrypt/pebble/v2/ca":      {"engine/acme/acmetest"},
	"github.com/letsencrypt/pebble/v2/db":      {"engine/acme/acmetest"},
	"github.com/letsencrypt/pebble/v2/va":      {"engine/acme/acmetest"},
	"github.com/letsencrypt/pebble/v2/wfe":     {"engine/acme/acmetest"},
	"github.com/miekg/dns":                     {"engine/acme/acmetest"},
	"golang.org/x/crypto/ocsp":                 {"engine/certs"},
	"golang.org/x/crypto/acme":                 {"engine/acme"},
	"golang.org/x/image/font":                  {"bench/comparison/plots"},
	"golang.org/x/sys/unix":                    {"engine/intercept", "engine/netnstest", "engine/reactor", "bench", "cmd/weir", "bench/comparison", "bench/comparison/measure", "bench/comparison/peers", "bench/comparison/results"},
	"gonum.org/v1/plot":                        {"bench/comparison/plots"},
	"gonum.org/v1/plot/font":                   {"bench/comparison/plots"},
	"gonum.org/v1/plot/font/liberation":        {"bench/comparison/plots"},
	"gonum.org/v1/plot/text":                   {"bench/comparison/plots"},
	"gonum.org/v1/plot/vg":                     {"bench/comparison/plots"},
	"gonum.org/v1/plot/vg/draw":                {"bench/comparison/plots"},
	"gonum.org/v1/plot/vg/vgsvg":               {"bench/comparison/plots"},
	// tlsconn: crypto/tls keeps buffers that nothing public lets go of.
	"unsafe": {"engine/reactor", "engine/tlsconn"},
}

// impure are the standard packages that codecs do without: no sockets, no clock,
// no goroutines, no formatting.
var impure = []string{"context", "fmt", "io", "log", "net", "net/http", "os", "sync", "syscall", "time"}

// goroutines lists the files that may start one, and why each must. A session, a
// connection and a timer never do.
var goroutines = map[string]string{
	"engine/engine.go":                            "one a loop",
	"engine/certs/watch.go":                       "one waits for files to change",
	"engine/acme/acmetest/acmetest.go":            "a name server of tests",
	"engine/acme/acme.go":                         "one a host: the authority is asked, and waited for, with blocking calls",
	"engine/observe/accesslog.go":                 "one writes the access log, since a disk may block",
	"engine/observe/logger.go":                    "one writes the log, since a pipe may be full",
	"engine/transport/worker.go":                  "a few compute TLS handshakes, some on threads of the lowest priority",
	"engine/transport/settler.go":                 "one collects garbage when handshakes have paused",
	"cmd/weir/signals.go":                         "the engine runs beside the wait for signals",
	"cmd/weir/demo_backends.go":                   "one net/http server a demo backend",
	"cmd/weir/demo_chat.go":                       "one writes to each member of the demo's chat",
	"engine/reactor/loop.go":                      "none: a timer that is stopped at once makes Go open its epoll descriptor early",
	"bench/alarm.go":                              "one ends a sleep when its context ends",
	"bench/broadcast.go":                          "a room: one reads each member, one sends",
	"bench/bulk.go":                               "one moves each body",
	"bench/comparison/httpproxy/httpproxy.go":     "net/http serves beside the wait for the end",
	"bench/comparison/measure/idle.go":            "idle works of all peers run side by side",
	"bench/comparison/peers/process.go":           "one waits for each process; all are stopped at once",
	"bench/comparison/relay/connect.go":           "gnet cannot dial without blocking; a pause while a slow side takes its last bytes",
	"bench/comparison/relay/relay.go":             "one waits for the end of the context",
	"bench/comparison/relay/proxytest/clients.go": "clients of tests",
	"bench/comparison/relay/proxytest/start.go":   "the proxy under test",
	"bench/echo.go":                               "the echo server: one accepts, one a connection",
	"bench/idle.go":                               "one holds each idle connection",
	"bench/open.go":                               "some connect at the same time",
	"bench/paced.go":                              "open loop: senders keep time while readers wait",
	"bench/run.go":                                "closed loop: one sender a connection",
	"bench/storm.go":                              "one holds each connection and brings it back; the survivors are paced beside them",
	"bench/visit.go":                              "connections of their own: one goroutine for each in flight, and one keeps time",
}

// clocks lists the files of engine, codec and pool that may ask for the time, wait
// for it, or start a timer. All else takes the loop's clock, read once an event.
var clocks = map[string]string{
	"engine/tlstest/tlstest.go":   "the dates of certificates of tests",
	"engine/transport/settler.go": "a pause of handshakes",
	"engine/reactor/clock.go":     "the loop's clock itself",
	"engine/certs/server.go":      "the wall clock, for dates in certificates, lists and staples",
	"engine/certs/client.go":      "the wall clock, for dates in certificates and lists",
	"engine/certs/watch.go":       "waits for files to settle, and looks at all of them now and then",
	"engine/session/worker.go":    "anchors the wall clock of log lines and Date, once",
	"engine/acme/clock.go":        "certificates expire by the wall clock, and are kept away from the loops",
	"engine/engine.go":            "the deadline of a drain",
	"engine/reactor/loop.go":      "none: see goroutines",
	"engine/observe/logger.go":    "how long the end of the process waits for a writer that is stuck",
	"engine/observe/accesslog.go": "how long the end of the process waits for a writer that is stuck",
}

const (
	maxFileLines     = 600
	maxTestFileLines = 900
	maxFuncLines     = 60
	maxTestFuncLines = 120 // a table of cases is long
)

// folders and documents are the top level.
var (
	folders   = []string{"bench", "cmd", "codec", "configs", "docs", "engine", "pool"}
	documents = []string{"ARCHITECTURE.md", "BENCHMARKS.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "docs/transparent.md"}
)

// source is one Go file, parsed.
type source struct {
	path string // with slashes, from the root
	pkg  string // its folder
	test bool
	text []byte
	set  *token.FileSet
	file *ast.File
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// walk visits every file of the tree that belongs to the project.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(d.Name(), ".") && name != "." && d.Name() != ".ci"
		switch {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "testdata" || d.Name() == "dist"):
			return filepath.SkipDir
		case !d.IsDir():
			visit(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sources(t *testing.T) []*source {
	t.Helper()
	var list []*source
	walk(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &source{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, set: token.NewFileSet()}
		if s.file, err = parser.ParseFile(s.set, name, text, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	})
	if len(list) < 100 {
		t.Fatalf("only %d Go files found; is this the root of the module?", len(list))
	}
	return list
}

// matches reports whether a pattern of the tables stands for pkg.
func matches(pattern, pkg string) bool {
	below, all := strings.CutSuffix(pattern, "/...")
	return pattern == pkg || all && (pkg == below || strings.HasPrefix(pkg, below+"/"))
}

// rule finds the row of pkg: its own, or the longest pattern above it.
func rule(table map[string][]string, pkg string) (row []string, ok bool) {
	best := ""
	for pattern := range table {
		if matches(pattern, pkg) && (pattern == pkg || len(pattern) > len(best) && best != pkg) {
			best, row, ok = pattern, table[pattern], true
		}
	}
	return row, ok
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := rule(imports, s.pkg)
		if !known {
			t.Errorf("%s: package %s has no row in the table of imports", s.path, s.pkg)
			continue
		}
		if s.test {
			more, _ := rule(testImports, s.pkg)
			allowed = slices.Concat(allowed, more, []string{s.pkg})
		}
		for _, spec := range s.file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			own, ours := strings.CutPrefix(name, "weir/")
			if ours && !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, own) }) {
				t.Errorf("%s imports %s; the table of imports forbids it", s.path, name)
			}
		}
	}
}

func TestLibraries(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, spec := range s.file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if strings.HasPrefix(s.pkg, "codec/") && slices.Contains(impure, name) {
				t.Errorf("%s imports %s; codecs are pure steps over bytes", s.path, name)
			}
			foreign := strings.Contains(strings.Split(name, "/")[0], ".") || name == "unsafe"
			if !foreign {
				continue
			}
			used[name+" "+s.pkg] = true
			if !slices.Contains(libraries[name], s.pkg) {
				t.Errorf("%s imports %s; the table of libraries does not let %s", s.path, name, s.pkg)
			}
		}
	}
	for name, packages := range libraries {
		for _, pkg := range packages {
			if !used[name+" "+pkg] {
				t.Errorf("the table of libraries lets %s import %s, which it does not", pkg, name)
			}
		}
	}
}

// startsGoroutine reports whether n is a go statement or a call that runs one.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		return ok && (f.Sel.Name == "Go" || f.Sel.Name == "AfterFunc")
	}
	return false
}

// readsClock reports whether n uses a function of package time that asks for the
// time or waits for it.
func readsClock(n ast.Node) bool {
	f, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := f.X.(*ast.Ident)
	return ok && pkg.Name == "time" && slices.Contains([]string{
		"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
	}, f.Sel.Name)
}

func TestGoroutinesStartInNamedFilesOnly(t *testing.T) {
	only(t, "starts a goroutine", goroutines, startsGoroutine, func(*source) bool { return true })
}

func TestClocksAreReadInNamedFilesOnly(t *testing.T) {
	only(t, "reads the clock", clocks, readsClock, func(s *source) bool {
		top := strings.Split(s.path, "/")[0]
		return top == "engine" || top == "codec" || top == "pool"
	})
}

// only demands that what found finds is in the files of the table and nowhere else
// in scope, tests excepted, and that each of those files needs its row.
func only(t *testing.T, what string, table map[string]string, found func(ast.Node) bool, scope func(*source) bool) {
	t.Helper()
	needed := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || !scope(s) {
			continue
		}
		for n := range ast.Preorder(s.file) {
			if !found(n) {
				continue
			}
			needed[s.path] = true
			if table[s.path] == "" {
				t.Errorf("%s:%d %s; that is for the files of the table", s.path, s.line(n.Pos()), what)
			}
		}
	}
	for name := range table {
		if !needed[name] {
			t.Errorf("the table lists %s, where nothing %s", name, what)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		file, fn := maxFileLines, maxFuncLines
		if s.test {
			file, fn = maxTestFileLines, maxTestFuncLines
		}
		if n := bytes.Count(s.text, []byte("\n")); n > file {
			t.Errorf("%s has %d lines, more than %d", s.path, n, file)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > fn {
					t.Errorf("%s: %s has %d lines, more than %d", s.path, f.Name.Name, n, fn)
				}
			}
		}
	}
}

// unwanted is what no file of the tree holds: reminders, which belong in an issue,
// and paths of somebody's machine.
var unwanted = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b|/(work|home|Users)/`)

func TestNothingUnwanted(t *testing.T) {
	walk(t, func(name string) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return
		}
		for i, line := range strings.Split(string(text), "\n") {
			if found := unwanted.FindString(line); found != "" {
				t.Errorf("%s:%d holds %q", name, i+1, found)
			}
		}
	})
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case e.IsDir() && name != "dist" && !slices.Contains(folders, name):
			t.Errorf("folder %s is not part of the layout", name)
		case path.Ext(name) == ".go" && name != "deps_test.go":
			t.Errorf("%s: no Go code at the top", name)
		}
	}
	for _, name := range slices.Concat(folders, documents, []string{"LICENSE", "Makefile", ".golangci.yml", ".ci/run", "go.mod"}) {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

var (
	links   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	named   = regexp.MustCompile("`((?:" + strings.Join(folders, "|") + `|\.ci)/[A-Za-z0-9_./*-]*)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchor is how a heading is linked to.
func anchor(text string) string {
	return strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
}

// Links, and paths in code quotes, lead to what exists.
func TestDocumentsPointAtWhatExists(t *testing.T) {
	for _, name := range documents {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			if found, _ := filepath.Glob(string(m[1])); len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
		for _, m := range links.FindAllSubmatch(text, -1) {
			if target := string(m[1]); !strings.Contains(target, "://") {
				checkLink(t, name, target)
			}
		}
	}
}

func checkLink(t *testing.T, from, target string) {
	t.Helper()
	file, fragment, _ := strings.Cut(target, "#")
	if file == "" {
		file = from
	} else {
		file = path.Join(path.Dir(from), file)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Errorf("%s links to %s: %v", from, target, err)
		return
	}
	if fragment == "" || info.IsDir() {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range heading.FindAllSubmatch(text, -1) {
		if anchor(string(m[1])) == fragment {
			return
		}
	}
	t.Errorf("%s links to %s: there is no such heading", from, target)
}
