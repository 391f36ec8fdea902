package certs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pace is when a Watcher acts.
type pace struct {
	settle  time.Duration // quiet that follows the last of a run of changes
	patient time.Duration // most that a run may last
	rescan  time.Duration // between looks at everything, whatever was notified
}

var usualPace = pace{settle: 100 * time.Millisecond, patient: time.Second, rescan: time.Minute}

// Reloader is what a Watcher keeps fresh: a Server or a Client.
type Reloader interface {
	// Reload reads the files again. On an error the old content stays in force.
	Reload() (changed bool, err error)
	// Files are the files that a Reload reads.
	Files() []string
}

// Those that have it are also told the time, and asked what is wrong.
type (
	aging   interface{ RotateTickets(now time.Time) }
	stapled interface{ ExpireStaples(now time.Time) }
	warner  interface{ Warnings() []error }
)

// Watcher reloads what changes on disk: a write in place, a rename over the file,
// another target of a symbolic link on the way to it (as Kubernetes updates its
// volumes), a file that goes and comes back. A certificate and its key are two
// files: it waits for a short quiet before it reads, and reads again when the rest
// arrives. Folders are watched, not files, since a file's watch ends with the file.
//
// Every minute it looks at all files besides, for file systems that notify nobody,
// and lets ticket keys and staples age.
type Watcher struct {
	log     func(name string, changed bool, err error)
	sources []*source
	notify  *fsnotify.Watcher // nil: the system gave none
	watched map[string]string // identity by folder
	denied  map[string]string // the error by folder that could not be watched
	pace    pace
	stop    chan struct{}
	done    chan struct{}
}

type source struct {
	name    string
	target  Reloader
	seen    string // fingerprint that the last Reload was tried with
	trouble error  // of that Reload
	said    string // the last trouble logged
}

// Watch starts to watch the files of sources. log is called on the Watcher's
// goroutine, and may not call Close: once for what changed, and once for each
// trouble until it changes. changed says that new content is in force; err, that
// something is wrong with it or, if nothing changed, with what was found. After a
// trouble that is over log gets neither. In place of a source's name there may be
// that of a folder that cannot be watched. What changed since a source was made is
// found too.
//
// An error says that the system notifies of no changes; the Watcher then works, by
// its look every minute.
func Watch(log func(name string, changed bool, err error), sources map[string]Reloader) (*Watcher, error) {
	return watch(log, sources, usualPace)
}

func watch(log func(name string, changed bool, err error), sources map[string]Reloader, p pace) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		notify, err = nil, fmt.Errorf("changes of files are noticed after %s: %w", p.rescan, err)
	}
	return start(log, sources, p, notify), err
}

func start(log func(name string, changed bool, err error), sources map[string]Reloader, p pace, notify *fsnotify.Watcher) *Watcher {
	w := &Watcher{
		log: log, notify: notify, pace: p,
		watched: map[string]string{}, denied: map[string]string{},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		w.sources = append(w.sources, &source{name: name, target: sources[name]})
	}
	go w.run()
	return w
}

// Close ends the watching and returns when log will not be called again. It is
// called once.
func (w *Watcher) Close() {
	close(w.stop)
	<-w.done
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

func (w *Watcher) run() {
	defer close(w.done)
	var events chan fsnotify.Event
	var failures chan error
	if w.notify != nil {
		events, failures = w.notify.Events, w.notify.Errors
	}
	rescan := time.NewTicker(w.pace.rescan)
	defer rescan.Stop()
	quiet := time.NewTimer(0) // the first look: what changed since the sources were made
	defer quiet.Stop()
	var latest time.Time // when a run of changes is looked at even if it goes on; zero: no run
	for {
		select {
		case <-w.stop:
			return
		case _, open := <-events:
			if !open {
				events = nil // the library gave up; the rescan goes on
				continue
			}
		case _, open := <-failures: // notifications were lost
			if !open {
				failures = nil
				continue
			}
		case <-quiet.C:
			latest = time.Time{}
			w.look(false)
			continue
		case <-rescan.C:
			w.look(true)
			continue
		}
		now := time.Now()
		if latest.IsZero() {
			latest = now.Add(w.pace.patient)
		}
		quiet.Reset(min(w.pace.settle, latest.Sub(now)))
	}
}

// look reloads the sources whose files are not as they were at the last try. With
// again also those whose last try failed, which might not have been the fault of the
// files, and all others age.
func (w *Watcher) look(again bool) {
	now := time.Now()
	w.follow() // first, so that a change after what is read here is notified
	for _, s := range w.sources {
		found := fingerprint(s.target.Files())
		var changed bool
		if found != s.seen || again && s.trouble != nil {
			changed, s.trouble = s.target.Reload()
			s.seen = found
		}
		if a, is := s.target.(aging); is {
			a.RotateTickets(now)
		}
		if a, is := s.target.(stapled); is {
			a.ExpireStaples(now)
		}
		trouble := s.trouble
		if trouble == nil {
			trouble = warnings(s.target)
		}
		s.say(w.log, changed, trouble)
	}
}

func warnings(target Reloader) error {
	if a, is := target.(warner); is {
		return errors.Join(a.Warnings()...)
	}
	return nil
}

// say logs what changed and what was not said before.
func (s *source) say(log func(string, bool, error), changed bool, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if changed || text != s.said {
		log(s.name, changed, err)
	}
	s.said = text
}

// follow watches the folders that the files lead through now. A folder that was
// replaced has the old one's name, and needs a watch of its own.
func (w *Watcher) follow() {
	if w.notify == nil {
		return
	}
	wanted := map[string]bool{}
	for _, s := range w.sources {
		for _, file := range s.target.Files() {
			for _, folder := range foldersOf(file) {
				wanted[folder] = true
			}
		}
	}
	present := map[string]bool{}
	for _, folder := range w.notify.WatchList() {
		present[folder] = true
	}
	for folder, id := range w.watched {
		if !wanted[folder] || !present[folder] || identity(folder) != id {
			_ = w.notify.Remove(folder) // fails if the folder went away, and its watch with it
			delete(w.watched, folder)
		}
	}
	for folder := range wanted {
		if _, is := w.watched[folder]; is {
			continue
		}
		id := identity(folder)
		if err := w.notify.Add(folder); err != nil {
			if text := err.Error(); w.denied[folder] != text {
				w.denied[folder] = text
				w.log(folder, false, fmt.Errorf("changes in it are noticed after %s: %w", w.pace.rescan, err))
			}
			continue
		}
		delete(w.denied, folder)
		w.watched[folder] = id
	}
}
