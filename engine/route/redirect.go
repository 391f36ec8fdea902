package route

import (
	"bytes"
	"errors"
	"regexp"

	"weir/configs"
)

// AppendLocation appends the Location of a redirect. path is the canonical form of
// the request's path, whose groups the template may use.
//
// What the request brings cannot choose the host of the target, unless the template
// says so with {host}: a Location that begins with a path has exactly one "/" in
// front ("//evil.example" would name a host), a path or group behind a host begins
// with "/", and a group inside a host ends at the first character that no host has.
// No control byte is copied. Nothing but the groups of a regex allocates.
func (r *Route) AppendLocation(dst []byte, v *Vars, path []byte) []byte {
	start := len(dst)
	var c captures
	if r.path.regex != nil {
		c = r.capture(path)
	}
	for _, p := range r.location {
		stage := stageOf(dst[start:])
		switch {
		case p.group > 0:
			dst = appendLocationText(dst, stage, c.of(p))
		case p.name == configs.VarNone:
			dst = append(dst, p.text...)
		case p.name == configs.VarHost || p.name == configs.VarScheme || stage == stagePath:
			dst = v.append(dst, p.name)
		case p.name == configs.VarPath || p.name == configs.VarURI:
			dst = appendLocationText(dst, stage, v.Path)
			if p.name == configs.VarURI && v.HasQuery {
				dst = appendVisible(append(dst, '?'), v.Query)
			}
		default:
			var buf [64]byte
			dst = appendLocationText(dst, stage, v.append(buf[:0], p.name))
		}
	}
	return fixLeadingSlashes(dst, start)
}

// fixLeadingSlashes leaves one "/" of a run of slashes and backslashes at the front.
func fixLeadingSlashes(dst []byte, start int) []byte {
	out := dst[start:]
	n := 0
	for n < len(out) && (out[n] == '/' || out[n] == '\\') {
		n++
	}
	if n == 0 {
		return dst
	}
	out[0] = '/'
	return append(dst[:start+1], out[n:]...)
}

// locationStage is how far an unfinished Location has come.
type locationStage uint8

const (
	stageStart locationStage = iota // nothing was written
	stageHost                       // at the start of the host
	stageLabel                      // at the start of a later label of the host
	stagePort                       // behind a host or port
	stagePath                       // in a path, query or fragment, or in a scheme
)

func stageOf(out []byte) locationStage {
	if len(out) == 0 {
		return stageStart
	}
	_, host, ok := bytes.Cut(out, []byte("://"))
	switch {
	case !ok || out[0] == '/' || bytes.ContainsAny(host, `/?#\`):
		return stagePath
	case len(host) == 0:
		return stageHost
	case host[len(host)-1] == '.' || host[len(host)-1] == '-':
		return stageLabel
	}
	return stagePort
}

// appendLocationText appends text of the request to a Location at stage.
func appendLocationText(dst []byte, stage locationStage, text []byte) []byte {
	rooted := len(text) > 0 && text[0] == '/'
	switch {
	case stage == stageHost, stage == stageLabel && !rooted:
		n := 0
		for n < len(text) && pathClasses[text[n]] == classUnreserved {
			n++
		}
		text = text[:n]
	case stage == stageStart && !rooted, stage == stagePort && !rooted && len(text) > 0:
		dst = append(dst, '/')
	}
	return appendVisible(dst, text)
}

var (
	// locationText is what the text at the front of a Location may be. A path that
	// begins with "//" names a host, and "https:/x" does so to browsers.
	locationText    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://|/([^/\\]|$))`)
	errLocationHead = errors.New(`redirect.to must begin with "/", "https://" or another scheme, {scheme}://, {path}, {uri} or a group`)
)

// checkLocation refuses templates whose front would let a request name the host.
func checkLocation(t template) error {
	if len(t) == 0 {
		return errors.New("redirect.to is empty")
	}
	first := t[0]
	switch {
	case first.group > 0 || first.name == configs.VarPath || first.name == configs.VarURI:
		return nil
	case first.name == configs.VarNone && locationText.MatchString(first.text):
		return nil
	case first.name == configs.VarScheme && len(t) > 1 && locationText.MatchString("x"+t[1].text):
		return nil
	}
	return errLocationHead
}
