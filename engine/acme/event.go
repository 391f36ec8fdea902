package acme

import (
	"errors"
	"strings"
	"time"
	"unicode"
)

// EventKind says what happened to the certificate of a host.
type EventKind uint8

const (
	Loaded         EventKind = iota // from storage, when the manager was made
	Obtained                        // the first one
	Renewed                         // in place of another, by this process or one that shares the storage
	Failed                          // no certificate; Err says why, and Retry when it is tried again
	StoredUnusable                  // what is in storage is expired, damaged or not for the host
	NotStored                       // the certificate is in use, but a restart will have to obtain it again
)

// String is one line for the log.
func (k EventKind) String() string {
	return [...]string{
		Loaded:         "certificate loaded",
		Obtained:       "certificate obtained",
		Renewed:        "certificate renewed",
		Failed:         "certificate not obtained",
		StoredUnusable: "stored certificate not usable",
		NotStored:      "certificate not stored",
	}[k]
}

// Event is something to log. It never holds a key.
type Event struct {
	Kind    EventKind
	Err     error         // of the last three kinds
	Expires time.Time     // of the first three
	Retry   time.Duration // of Failed
}

// maxReasonBytes bounds what is logged of an error. Much of its text comes from the
// authority, which quotes what it found at the host.
const maxReasonBytes = 1 << 10

// reason is err on one line of printable characters.
func reason(err error) error {
	text := err.Error()
	cut := len(text) > maxReasonBytes
	if cut {
		text = text[:maxReasonBytes]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if cut {
		text += "..."
	}
	return errors.New(text)
}
