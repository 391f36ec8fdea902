// Package route decides what is done with a request: it compiles the routes of a
// configuration into one immutable Table of hosts and paths, and edits paths,
// Locations and header fields as the matched route says.
//
// It is pure: no I/O, no clock, no goroutine, no lock. A Table may be read by all
// loops at once. Match, and every Append, allocates nothing once the caller's
// buffers have grown; only the expansion of regex groups does.
//
// A path has two forms. The canonical form, from Canonicalize, is what is
// forwarded. The match form is derived from it inside Match: runs of "/" are one
// "/", and the escapes of the characters a segment may hold unescaped anyway
// ("%40" for "@") are decoded, so that no spelling the endpoint may read as equal
// reaches another route. "%2F" is never a "/" to a route. Paths are compared with
// case (RFC 3986 6.2.2.1), and ";" is a character like any other.
package route

import (
	"regexp"
)

// Action is what a route does with a request.
type Action uint8

const (
	ActionCluster  Action = iota + 1 // sends it to an endpoint of Cluster
	ActionRedirect                   // answers with Status and AppendLocation
	ActionRespond                    // answers with Status, Body and ContentType
)

var actionNames = [...]string{"invalid", "cluster", "redirect", "respond"}

func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return actionNames[0]
}

// Route is one compiled route. It is immutable, and lives as long as its Table.
type Route struct {
	Index  int    // place in the file, from 0
	Name   string // never empty
	Action Action

	Cluster     int // dense index of ClusterName; -1 unless Action is ActionCluster
	ClusterName string

	Status      int    // of a redirect or respond
	Body        []byte // of a respond; not to be written to
	ContentType string // of a respond

	RequestHeaders  HeaderRules
	ResponseHeaders HeaderRules

	// Deadlines in nanoseconds; 0: none.
	ResponseTimeout int64
	ResponseIdle    int64
	TunnelIdle      int64

	HasRewrite bool // AppendPath may differ from its input

	HTTPSPort uint16 // where requests without TLS are redirected to; 0: they are not
	HSTS      string // the Strict-Transport-Security field, or ""

	host     string // normal form; "" any; wildcards without their "*."
	wildcard bool
	path     pathMatch
	conds    conditions
	rewrite  rewrite
	location template
}

// pathKind is how a route compares paths, from the most specific to the least.
type pathKind uint8

const (
	pathExact pathKind = iota
	pathPrefix
	pathRegex
	pathAny // also the prefix "/"
)

// pathMatch is the path part of a match.
type pathMatch struct {
	kind     pathKind
	text     string         // match form, of an exact path or a prefix
	segments int            // non-empty segments in text
	regex    *regexp.Regexp // anchored at both ends
}

// FieldSource gives the value of a request field, by a name in lower case. A field
// that occurs more than once may be given as its first value or as the list.
type FieldSource interface {
	Field(name string) (value []byte, ok bool)
}

// Request is what Match looks at. The slices are borrowed for the call only. Keep
// one Request a loop and set its fields for each call: it owns the scratch memory
// that unusual paths and query conditions need.
type Request struct {
	Host   []byte // as sent: any case, maybe with a port and a trailing dot
	Path   []byte // canonical form, from Canonicalize
	Query  []byte // without the "?"
	Method []byte
	Fields FieldSource // asked only when a candidate has header conditions; may be nil

	path    []byte // match form of Path: Path itself, or scratch
	scratch []byte
	value   []byte // a decoded query value
}
