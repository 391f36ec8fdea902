package certs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links the kernel follows in one path.
const maxLinks = 40

// foldersOf are the folders in which something can change what file leads to: the
// one that holds it, and those that hold a symbolic link on the way there. In
// Kubernetes tls.crt leads to ..data/tls.crt, ..data to ..2026_11_25, and an update
// exchanges the link ..data; certbot exchanges a link in another folder than the one
// that the configuration names. Where the way ends early the last folder there is
// stands for the rest.
func foldersOf(file string) []string {
	if !filepath.IsAbs(file) {
		here, err := os.Getwd()
		if err != nil {
			return nil
		}
		file = here + "/" + file // not filepath.Join: see split
	}
	var list []string
	at, rest := "/", split(file)
	for links := 0; len(rest) > 0; {
		next := rest[0]
		rest = rest[1:]
		if next == ".." {
			at = filepath.Dir(at)
			continue
		}
		full := filepath.Join(at, next)
		info, err := os.Lstat(full)
		switch {
		case err != nil:
			return append(list, at)
		case info.Mode()&os.ModeSymlink != 0:
			list = append(list, at)
			target, err := os.Readlink(full)
			if links++; err != nil || links > maxLinks {
				return list
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(split(target), rest...)
		case len(rest) == 0:
			list = append(list, at)
		default:
			at = full
		}
	}
	return list
}

// split is the elements of a path. It keeps "..", which after a link leads elsewhere
// than cleaning the text would.
func split(path string) []string {
	var list []string
	for _, s := range strings.Split(path, "/") {
		if s != "" && s != "." {
			list = append(list, s)
		}
	}
	return list
}

// fingerprint changes when the content of any file may have: another file of the
// name, written to, or its access changed. It costs a system call a file.
func fingerprint(files []string) string {
	var b strings.Builder
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintf(&b, "%v;", err)
			continue
		}
		fmt.Fprintf(&b, "%d %d %v", info.Size(), info.ModTime().UnixNano(), info.Mode())
		// The time of change shows a write after which the time of modification was
		// set back, as cp -p and archives do.
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			fmt.Fprintf(&b, " %d %d %d", st.Dev, st.Ino, st.Ctim.Nano())
		}
		b.WriteByte(';')
	}
	return b.String()
}

// identity tells a folder from another that took its name.
func identity(folder string) string {
	info, err := os.Stat(folder)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(st.Dev, " ", st.Ino)
}
