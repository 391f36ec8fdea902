package certs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"weir/configs"
)

// notified has no rescan within a test, rescanned nothing else.
var (
	notified  = pace{settle: 20 * time.Millisecond, patient: 200 * time.Millisecond, rescan: time.Hour}
	rescanned = pace{settle: time.Hour, patient: time.Hour, rescan: 10 * time.Millisecond}
)

// journal is what a Watcher logged.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(name string, changed bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%s %v %v", name, changed, err))
}

func (j *journal) count(part string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if strings.Contains(l, part) {
			n++
		}
	}
	return n
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
}

// probe is a Reloader of one file, for what needs no certificates.
type probe struct {
	file string

	mu      sync.Mutex
	content string
	tries   int
	rotated int
	warned  error
}

func (p *probe) Files() []string { return []string{p.file} }

func (p *probe) Reload() (bool, error) {
	text, err := os.ReadFile(p.file)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if err != nil {
		return false, err
	}
	if strings.HasPrefix(string(text), "bad") {
		return false, errors.New(string(text))
	}
	changed := p.content != string(text)
	p.content = string(text)
	return changed, nil
}

func (p *probe) RotateTickets(time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rotated++
}

func (p *probe) Warnings() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []error{p.warned}
}

func (p *probe) holds(text string) func() bool {
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.content == text
	}
}

func (p *probe) get(n *int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *n
}

func watching(t *testing.T, pc pace, file string) (*probe, *journal) {
	t.Helper()
	p, j := &probe{file: file}, &journal{}
	var w *Watcher
	if pc == rescanned {
		w = start(j.log, map[string]Reloader{"probe": p}, pc, nil)
	} else {
		var err error
		if w, err = watch(j.log, map[string]Reloader{"probe": p}, pc); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(w.Close)
	eventually(t, "the first look", func() bool { return p.get(&p.tries) > 0 })
	return p, j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every way to change a file, each by notification and by the periodic look.
func TestWatchSeesEveryKindOfChange(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup func(t *testing.T, dir string) (file string) // whose content becomes "old"
		steps []func(t *testing.T, dir string)             // after which the content is "new 0", "new 1"...
	}{
		{"write in place", func(t *testing.T, dir string) string {
			return write(t, dir, "f", "old")
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) { write(t, dir, "f", "new 0") },
			func(t *testing.T, dir string) { write(t, dir, "f", "new 1") },
		}},
		{"rename over", func(t *testing.T, dir string) string {
			return write(t, dir, "f", "old")
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) { replace(t, dir+"/f", "new 0") },
			func(t *testing.T, dir string) { replace(t, dir+"/f", "new 1") },
		}},
		{"remove and create", func(t *testing.T, dir string) string {
			return write(t, dir, "f", "old")
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) { must(t, os.Remove(dir+"/f")); write(t, dir, "f", "new 0") },
			func(t *testing.T, dir string) { must(t, os.Remove(dir+"/f")); write(t, dir, "f", "new 1") },
		}},
		{"same size, time set back", func(t *testing.T, dir string) string {
			return write(t, dir, "f", "old..")
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) {
				info, err := os.Stat(dir + "/f")
				must(t, err)
				write(t, dir, "f", "new 0")
				must(t, os.Chtimes(dir+"/f", time.Time{}, info.ModTime()))
			},
		}},
		{"Kubernetes", func(t *testing.T, dir string) string {
			publish(t, dir, "..v0", "old")
			must(t, os.Symlink("..data/f", dir+"/f"))
			return dir + "/f"
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) { publish(t, dir, "..v1", "new 0"); must(t, os.RemoveAll(dir+"/..v0")) },
			func(t *testing.T, dir string) { publish(t, dir, "..v2", "new 1"); must(t, os.RemoveAll(dir+"/..v1")) },
			func(t *testing.T, dir string) { write(t, dir+"/..v2", "f", "new 2") },
		}},
		{"a link in another folder", func(t *testing.T, dir string) string {
			for _, d := range []string{"etc", "live", "archive"} {
				must(t, os.Mkdir(filepath.Join(dir, d), 0o700))
			}
			write(t, dir+"/archive", "f1", "old")
			must(t, os.Symlink("../archive/f1", dir+"/live/f"))
			must(t, os.Symlink(dir+"/live/f", dir+"/etc/f"))
			return dir + "/etc/f"
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) {
				write(t, dir+"/archive", "f2", "new 0")
				relink(t, "../archive/f2", dir+"/live/f")
			},
			func(t *testing.T, dir string) { write(t, dir+"/archive", "f2", "new 1") },
		}},
		{"a link to a folder", func(t *testing.T, dir string) string {
			for _, d := range []string{"one", "two"} {
				must(t, os.Mkdir(filepath.Join(dir, d), 0o700))
			}
			write(t, dir+"/one", "f", "old")
			write(t, dir+"/two", "f", "new 0")
			must(t, os.Symlink("one", dir+"/current"))
			return dir + "/current/f"
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) { relink(t, "two", dir+"/current") },
			func(t *testing.T, dir string) { replace(t, dir+"/two/f", "new 1") },
		}},
		{"mode", func(t *testing.T, dir string) string {
			return write(t, dir, "f", "old")
		}, []func(*testing.T, string){
			func(t *testing.T, dir string) {
				must(t, os.Chmod(dir+"/f", 0o200))
				write(t, dir, "f", "new 0")
				must(t, os.Chmod(dir+"/f", 0o600))
			},
		}},
	} {
		for name, pc := range map[string]pace{"notified": notified, "rescanned": rescanned} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				p, _ := watching(t, pc, c.setup(t, dir))
				for i, step := range c.steps {
					step(t, dir)
					eventually(t, fmt.Sprintf("step %d", i), p.holds(fmt.Sprintf("new %d", i)))
				}
			})
		}
	}
}

// publish is how a kubelet updates a volume: a new folder, and a link renamed over.
func publish(t *testing.T, dir, version, text string) {
	t.Helper()
	must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
	write(t, filepath.Join(dir, version), "f", text)
	relink(t, version, dir+"/..data")
}

func relink(t *testing.T, target, link string) {
	t.Helper()
	must(t, os.Symlink(target, link+".tmp"))
	must(t, os.Rename(link+".tmp", link))
}

func TestWatchAFolderThatIsReplaced(t *testing.T) {
	dir := t.TempDir()
	folder := dir + "/certs"
	must(t, os.Mkdir(folder, 0o700))
	p, j := watching(t, notified, write(t, folder, "f", "old"))
	must(t, os.RemoveAll(folder))
	eventually(t, "the loss", func() bool { return j.count("no such file") == 1 })
	must(t, os.Mkdir(folder, 0o700))
	write(t, folder, "f", "new 0")
	eventually(t, "the next folder", p.holds("new 0"))
	write(t, folder, "f", "new 1")
	eventually(t, "a write there", p.holds("new 1"))
}

// A watch stays with the folder it was put on, which here goes away unnoticed.
func TestWatchFollowsTheNameOfAFolder(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a/certs", 0o700))
	p := &probe{file: write(t, dir+"/a/certs", "f", "old")}
	notify, err := fsnotify.NewWatcher()
	must(t, err)
	defer notify.Close()
	w := &Watcher{
		log: new(journal).log, notify: notify, sources: []*source{{target: p}},
		watched: map[string]string{}, denied: map[string]string{},
	}
	w.follow()
	must(t, os.Rename(dir+"/a", dir+"/b"))
	must(t, os.MkdirAll(dir+"/a/certs", 0o700))
	w.follow()
	write(t, dir+"/a/certs", "f", "new")
	select {
	case <-notify.Events:
	case <-time.After(10 * time.Second):
		t.Error("a write into the new folder is not notified")
	}
}

func TestWatchLogsATroubleOnce(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "f", "good")
	p, j := watching(t, notified, file)
	eventually(t, "the first content", func() bool { return j.count("probe true <nil>") == 1 })
	for range 3 {
		tries := p.get(&p.tries)
		replace(t, file, "bad 1")
		eventually(t, "a try", func() bool { return p.get(&p.tries) > tries })
	}
	replace(t, file, "bad 2")
	eventually(t, "the second trouble", func() bool { return j.count("bad 2") == 1 })
	if n := j.count("probe false bad 1"); n != 1 {
		t.Errorf("the first was logged %d times", n)
	}
	replace(t, file, "good")
	eventually(t, "that it is over", func() bool { return j.count("probe false <nil>") == 1 })
	tries := p.get(&p.tries)
	write(t, dir, "other", "x")
	replace(t, file, "good 2")
	eventually(t, "the next content", p.holds("good 2"))
	if n := p.get(&p.tries); n > tries+2 {
		t.Errorf("%d tries for one change", n-tries)
	}
}

// A folder in which much happens costs looks, not reads.
func TestWatchIgnoresOtherFiles(t *testing.T) {
	dir := t.TempDir()
	p, _ := watching(t, notified, write(t, dir, "f", "good"))
	tries, rotated := p.get(&p.tries), p.get(&p.rotated)
	write(t, dir, "other", "x")
	eventually(t, "a look", func() bool { return p.get(&p.rotated) > rotated })
	if p.get(&p.tries) != tries {
		t.Error("it was read again")
	}
}

// Changes that never end must not keep the Watcher from looking.
func TestWatchIsNotStarved(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "f", "old")
	p, _ := watching(t, pace{settle: time.Minute, patient: 50 * time.Millisecond, rescan: time.Hour}, file)
	replace(t, file, "new 0")
	eventually(t, "a look", p.holds("new 0"))
}

func TestWatchRetriesWhatFailedAndAges(t *testing.T) {
	p, j := watching(t, rescanned, write(t, t.TempDir(), "f", "bad"))
	tries, rotated := p.get(&p.tries), p.get(&p.rotated)
	eventually(t, "another try", func() bool { return p.get(&p.tries) > tries+1 && p.get(&p.rotated) > rotated+1 })
	if n := j.count("probe"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestWatchTellsWarnings(t *testing.T) {
	p, j := watching(t, rescanned, write(t, t.TempDir(), "f", "good"))
	eventually(t, "the content", func() bool { return j.count("probe true <nil>") == 1 })
	p.mu.Lock()
	p.warned = errors.New("is old")
	p.mu.Unlock()
	eventually(t, "the warning", func() bool { return j.count("probe false is old") == 1 })
	rotated := p.get(&p.rotated)
	eventually(t, "further looks", func() bool { return p.get(&p.rotated) > rotated+3 })
	if n := j.count("is old"); n != 1 {
		t.Errorf("warned %d times", n)
	}
}

// A certificate and its key are two files. Between the two writes there may be
// a pair that does not fit, and the old one stays.
func TestWatchAPair(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	old, next := a.issue(names), a.issue(names)
	s, cert, key := onDisk(t, t.TempDir(), old, nil)
	j := &journal{}
	w, err := watch(j.log, map[string]Reloader{"listener": s}, notified)
	must(t, err)
	defer w.Close()
	now := func() []byte { return presented(t, meet(t, s.Config(), asking(a, "a.example"))).Raw }
	write(t, filepath.Dir(cert), filepath.Base(cert), next.Cert)
	eventually(t, "the trouble", func() bool { return j.count("listener false certificates[0]") == 1 })
	if !slices.Equal(now(), old.cert.Raw) {
		t.Error("not the old pair")
	}
	write(t, filepath.Dir(key), filepath.Base(key), next.Key)
	eventually(t, "the new pair", func() bool { return j.count("listener true <nil>") == 1 })
	if !slices.Equal(now(), next.cert.Raw) {
		t.Error("not the new pair")
	}
}

func TestWatchFindsWhatChangedBefore(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	next := a.issue(names)
	s, cert, key := onDisk(t, t.TempDir(), a.issue(names), nil)
	replace(t, cert, next.Cert)
	replace(t, key, next.Key)
	j := &journal{}
	w, err := Watch(j.log, map[string]Reloader{"listener": s})
	must(t, err)
	eventually(t, "the new pair", func() bool { return j.count("listener true <nil>") == 1 })
	w.Close()
}

func TestWatchInlineNeedsNoFiles(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, func(c *configs.ListenerTLS) { c.ClientCA = a.PEM }, a.issue([]string{"a.example"}))
	if len(s.Files()) != 0 {
		t.Errorf("Files: %v", s.Files())
	}
	j := &journal{}
	w, err := Watch(j.log, map[string]Reloader{"listener": s})
	must(t, err)
	w.Close()
	if j.count("") != 0 {
		t.Error(j.lines)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	file := write(t, t.TempDir(), "f", "good")
	for range 5 {
		w, err := Watch(func(string, bool, error) {}, map[string]Reloader{"probe": &probe{file: file}})
		must(t, err)
		w.Close()
	}
	eventually(t, "the end of the goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

func TestFoldersOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.MkdirAll(dir+"/real/deep", 0o700))
	write(t, dir+"/real/deep", "f", "x")
	must(t, os.Symlink("real/deep", dir+"/link"))
	must(t, os.Symlink("../real", dir+"/real/up"))
	must(t, os.Symlink("loop", dir+"/loop"))
	for file, want := range map[string][]string{
		"/real/deep/f":      {"/real/deep"},
		"/link/f":           {"", "/real/deep"},
		"/link/../deep/f":   {"", "/real/deep"}, // up from where the link leads
		"/real/up/deep/f":   {"/real", "/real/deep"},
		"/link/none":        {"", "/real/deep"},
		"/none/deep/f":      {""},
		"/link/none/deeper": {"", "/real/deep"},
	} {
		got := foldersOf(dir + file)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], dir)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q instead of %q", file, got, want)
		}
	}
	if n := len(foldersOf(dir + "/loop")); n > maxLinks+1 {
		t.Errorf("a loop gave %d folders", n)
	}
}

func TestWatchWithoutNotifications(t *testing.T) {
	j := &journal{}
	notify, err := fsnotify.NewWatcher()
	must(t, err)
	must(t, notify.Close()) // every Add fails from now on
	p := &probe{file: write(t, t.TempDir(), "f", "old")}
	w := start(j.log, map[string]Reloader{"probe": p}, pace{settle: time.Hour, patient: time.Hour, rescan: 10 * time.Millisecond}, notify)
	defer w.Close()
	eventually(t, "the old content", p.holds("old"))
	write(t, filepath.Dir(p.file), "f", "new")
	eventually(t, "the new content", p.holds("new"))
	if n := j.count("changes in it are noticed after"); n != 1 {
		t.Errorf("logged %d times: %v", n, j.lines)
	}
}
