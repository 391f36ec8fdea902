package configs

import (
	"net/netip"
	"slices"
	"strings"
)

// protectedFields say where a message ends, what becomes of its connection, or
// that a WebSocket handshake was understood. weir writes them itself, and a rule
// that touched them could smuggle a request or break a tunnel.
var protectedFields = []string{
	"connection", "content-length", "keep-alive", "proxy-connection",
	"sec-websocket-accept", "sec-websocket-key", "sec-websocket-version",
	"te", "trailer", "transfer-encoding", "upgrade",
}

// headerRules checks request_headers or response_headers.
func (ck *checker) headerRules(p keyPath, rules *HeaderRules, request bool) {
	for _, part := range []struct {
		key    string
		fields map[string]string
	}{{"set", rules.Set}, {"add", rules.Add}} {
		at := p.child(part.key)
		ck.fieldNames(at, part.fields)
		for _, name := range ordered(part.fields) {
			ck.editable(at.child(name), name, request && part.key == "set")
			ck.fieldValue(at.child(name), name, part.fields[name])
		}
	}
	for i, name := range rules.Remove {
		at := p.child("remove").elem(i)
		if !isToken(name) {
			ck.problemf(at, fieldNameHint, "%s is not a field name", quote(name))
			continue
		}
		ck.editable(at, name, false)
	}
}

const fieldNameHint = `write a name like "X-Forwarded-For", without the colon`

// fieldNames reports keys that are not field names, and two that are one.
func (ck *checker) fieldNames(p keyPath, m map[string]string) {
	seen := map[string]string{}
	for _, name := range ordered(m) {
		at := p.child(name)
		if !isToken(name) {
			ck.problemf(at, fieldNameHint, "%s is not a field name", quote(name))
			continue
		}
		lower := strings.ToLower(name)
		if other, ok := seen[lower]; ok {
			ck.problemf(at, "case does not count in field names", "%s is the field %s again", name, other)
		}
		seen[lower] = name
	}
}

// editable reports a field that rules may not touch.
func (ck *checker) editable(p keyPath, name string, setOnRequest bool) {
	lower := strings.ToLower(name)
	switch {
	case slices.Contains(protectedFields, lower):
		ck.problemf(p, "weir writes it itself", "%s may not be changed", name)
	case lower == "host" && !setOnRequest:
		ck.problemf(p, "it can only be set, in request_headers.set", "%s may not be added or removed", name)
	}
}

// fieldValue checks the template of a field's value.
func (ck *checker) fieldValue(p keyPath, name, value string) {
	if !isFieldText(value) {
		ck.problemf(p, "a line end here would begin a field of its own", "the value of %s holds a control character", name)
		return
	}
	parts, err := ParseTemplate(value, HeaderVars)
	if err != nil {
		ck.problemErr(p, err)
		return
	}
	if strings.Contains(strings.NewReplacer("$$", "", "${{", "").Replace(value), "${") {
		ck.problemf(p, `write "{name}" for a variable, "${{" for the text`, "the value of %s holds a \"${\"", name)
		return
	}
	if strings.EqualFold(name, "host") && len(parts) == 1 && parts[0].Var == VarNone {
		ck.hostValue(p, parts[0].Text)
	}
}

// hostValue checks a Host that is set to the same text for every request.
func (ck *checker) hostValue(p keyPath, v string) {
	host, _, err := splitAddress(v)
	if err != nil {
		host = v
		if inner, ok := strings.CutPrefix(v, "["); ok {
			host = strings.TrimSuffix(inner, "]")
		}
	}
	_, err = netip.ParseAddr(host)
	if bare := strings.Count(v, ":") > 1 && v[0] != '['; bare || (err != nil && !isHostName(strings.ToLower(host))) {
		ck.problemf(p, `write a name like "example.com", or "{host}"`, "Host cannot be %s", quote(v))
	}
}
