package configs

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseTemplate(t *testing.T) {
	tests := []struct {
		in      string
		allowed VarSet
		want    string // parts in angle brackets; or the error
	}{
		{"", HeaderVars, ""},
		{"plain", HeaderVars, "<plain>"},
		{"{host}", HeaderVars, "<host=3>"},
		{"{client_ip}:{client_port}", HeaderVars, "<client_ip=1><:><client_port=2>"},
		{"a{{b}c}", HeaderVars, "<a{b}c}>"},
		{"{{{host}}", HeaderVars, "<{><host=3><}>"},
		{"{{{{", HeaderVars, "<{{>"},
		{"/a/$1/${name}{path}$$", RedirectVars, "</a/$1/${name}><path=5><$$>"},
		{"${{", HeaderVars, "<${>"},
		{"$${host}", RedirectVars, "<$$><host=3>"},
		{"$$${host}", RedirectVars, "<$$${host}>"},
		{"{", HeaderVars, `"{" does not begin a variable; write "{{" for a literal brace`},
		{"{host", HeaderVars, `"{host" does not begin a variable; write "{{" for a literal brace`},
		{"{}", HeaderVars, `"{" does not begin a variable; write "{{" for a literal brace`},
		{"{ host }", HeaderVars, `"{" does not begin a variable; write "{{" for a literal brace`},
		{"{Host}", HeaderVars, "unknown variable {Host}; did you mean {host}?"},
		{"{endpont}", HeaderVars, "unknown variable {endpont}; did you mean {endpoint}?"},
		{"{status}", HeaderVars, "{status} has no value here; use " + braced(HeaderVars.names())},
		{"{cluster}", RedirectVars, "{cluster} has no value here; use " + braced(RedirectVars.names())},
		{"body { margin: 0 } {status} {{status}", ErrorVars, "<body { margin: 0 } ><status=13>< {status}>"},
		{`{"a":{"b":1}, "s": {status}}`, ErrorVars, `<{"a":{"b":1}, "s": ><status=13><}>`},
		{"{", ErrorVars, "<{>"},
		{"{path}", ErrorVars, "{path} has no value here; use {request_id} {status} {reason}"},
	}
	for _, tt := range tests {
		parts, err := ParseTemplate(tt.in, tt.allowed)
		var b strings.Builder
		for _, p := range parts {
			if p.Var != VarNone {
				fmt.Fprintf(&b, "<%s=%d>", VarNames[p.Var], p.Var)
				continue
			}
			fmt.Fprintf(&b, "<%s>", p.Text)
		}
		got := b.String()
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestEveryVarHasANameAndAPlace(t *testing.T) {
	seen := map[string]bool{"": true}
	for v := VarNone + 1; v < NumVars; v++ {
		if seen[VarNames[v]] {
			t.Errorf("Var %d has the name %q", v, VarNames[v])
		}
		seen[VarNames[v]] = true
		if !(HeaderVars | ErrorVars).Has(v) {
			t.Errorf("{%s} may be used nowhere", VarNames[v])
		}
	}
	if HeaderVars.Has(VarNone) || HeaderVars.Has(NumVars) || ErrorVars.Has(31) {
		t.Error("a set has what is no variable")
	}
}
