package http1

// parseTarget splits the target head[off:end], not empty, into h by its form (RFC 9112 3.2).
// h.Method is set already. In absolute-form and authority-form, h.Host becomes the
// authority of the target.
func parseTarget(head []byte, off, end int, h *RequestHead) Code {
	question, ok := checkTarget(head[off:end])
	if !ok {
		return CodeTarget
	}
	h.Target = span(off, end)
	if h.Method == MethodCONNECT {
		if !validAuthority(head[off:end], true) {
			return CodeTarget
		}
		h.Host = h.Target
		return CodeOK
	}
	if question >= 0 {
		question += off
	}
	switch head[off] {
	case '/':
		h.setPath(off, question, end)
		return CodeOK
	case '*':
		if h.Method != MethodOPTIONS || end != off+1 {
			return CodeTarget
		}
		h.Path = h.Target
		return CodeOK
	}
	return parseAbsolute(head, off, question, end, h)
}

// parseAbsolute reads absolute-form: http or https, an authority without user
// information, then path and query.
func parseAbsolute(head []byte, off, question, end int, h *RequestHead) Code {
	const http, https = len("http://"), len("https://")
	target := head[off:end]
	switch {
	case len(target) > http && EqualFold(target[:http], "http://"):
		off += http
	case len(target) > https && EqualFold(target[:https], "https://"):
		off += https
	default:
		return CodeTarget
	}
	path := off
	for path < end && head[path] != '/' && head[path] != '?' {
		path++
	}
	if !validAuthority(head[off:path], false) {
		return CodeTarget
	}
	h.Host = span(off, path)
	h.setPath(path, question, end)
	return CodeOK
}

// setPath divides head[off:end] at the question mark, if question is not negative.
func (h *RequestHead) setPath(off, question, end int) {
	if question < 0 {
		h.Path = span(off, end)
		return
	}
	h.Path, h.Query, h.HasQuery = span(off, question), span(question+1, end), true
}

// checkTarget looks for bytes that no target may hold: everything outside visible
// ASCII, "#" (a fragment is never sent), a backslash (some readers take it for a
// slash), and a "%" without two hex digits. question is the index of the first
// question mark, -1 without one.
func checkTarget(b []byte) (question int, ok bool) {
	question = -1
	for i, c := range b {
		if class[c]&isTarget == 0 {
			return 0, false
		}
		switch c {
		case '%':
			if i+2 >= len(b) || class[b[i+1]]&class[b[i+2]]&isHex == 0 {
				return 0, false
			}
		case '?':
			if question < 0 {
				question = i
			}
		}
	}
	return question, true
}
