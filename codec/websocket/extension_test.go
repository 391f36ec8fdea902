package websocket

import (
	"strings"
	"testing"
)

func TestExtensionsOffered(t *testing.T) {
	const deflate = "permessage-deflate"
	tests := []struct {
		name, offer, chosen string
		want                bool
	}{
		{"nothing chosen", "a", "", true},
		{"nothing at all", "", "", true},
		{"name offered", "a, b", "b", true},
		{"with other parameters", "a; x=1", `a; y; z="q"`, true},
		{"both", "a, b", "b, a", true},
		{"empty elements", ", a ,,", ",a, ,", true},
		{"escaped value", "a", `a; x="\y\z"`, true},
		{"no spaces", "a;x=1,b", "a;x=1", true},

		{"not offered", "a", "b", false},
		{"one of two not offered", "a", "a, b", false},
		{"offered in other case", "A", "a", false},
		{"name only in a parameter", `a; b`, "b", false},
		{"name only in a quoted string", `a; x="b, c"`, "c", false},

		{"malformed offer", "a; =1, b", "b", false},
		{"parameter without a name", "a", "a; =1", false},
		{"semicolon at the end", "a", "a;", false},
		{"equals without value", "a", "a; x=", false},
		{"space around equals", "a", "a; x = 1", false},
		{"quote left open", "a", `a; x="y`, false},
		{"quote ends in a backslash", "a", `a; x="y\`, false},
		{"empty quoted string", "a", `a; x=""`, false},
		{"quoted string that is no token", "a", `a; x="y z"`, false},
		{"comma in a quoted string", "a, b", `a; x="y, b"`, false},
		{"junk after a quoted string", "a", `a; x="y"z`, false},
		{"two names", "a", "a b", false},
		{"NUL", "a", "a\x00", false},
		{"a ninth extension", "a", strings.Repeat("a,", 9), false},

		{"deflate", deflate, deflate, true},
		{"deflate twice", deflate + "," + deflate, deflate + ", " + deflate, false},
		{"deflate: unknown parameter", deflate, deflate + "; x", false},
		{"deflate: parameter twice", deflate, deflate + "; server_no_context_takeover; server_no_context_takeover", false},
		{"deflate: flag with a value", deflate, deflate + "; server_no_context_takeover=1", false},
		{"deflate: server limits itself unasked", deflate, deflate + "; server_max_window_bits=10; server_no_context_takeover; client_no_context_takeover", true},
		{"deflate: server bits without value", deflate, deflate + "; server_max_window_bits", false},
		{"deflate: bits 7", deflate, deflate + "; server_max_window_bits=7", false},
		{"deflate: bits 16", deflate, deflate + "; server_max_window_bits=16", false},
		{"deflate: bits 08", deflate, deflate + "; server_max_window_bits=08", false},
		{"deflate: bits that overflow", deflate, deflate + "; server_max_window_bits=4294967304", false},
		{"deflate: bits in quotes", deflate, deflate + `; server_max_window_bits="1\0"`, true},
		{"deflate: client bits unasked", deflate, deflate + "; client_max_window_bits=10", false},
		{"deflate: client bits as the client can", deflate + "; client_max_window_bits", deflate + "; client_max_window_bits=10", true},
		{"deflate: client bits without value in a response", deflate + "; client_max_window_bits", deflate + "; client_max_window_bits", false},
		{"deflate: server bits demanded and granted", deflate + "; server_max_window_bits=10", deflate + "; server_max_window_bits=9", true},
		{"deflate: server bits demanded, more given", deflate + "; server_max_window_bits=10", deflate + "; server_max_window_bits=11", false},
		{"deflate: server bits demanded, ignored", deflate + "; server_max_window_bits=10", deflate, false},
		{"deflate: no takeover demanded, ignored", deflate + "; server_no_context_takeover", deflate, false},
		{"deflate: the second offer is answered", deflate + "; server_max_window_bits=10, " + deflate, deflate, true},
		{"deflate: only an illegal offer", deflate + "; x", deflate, false},
		{"deflate: an illegal offer and a legal one", deflate + "; x, " + deflate, deflate, true},
	}
	for _, tt := range tests {
		if got := ExtensionsOffered([]byte(tt.offer), []byte(tt.chosen)); got != tt.want {
			t.Errorf("%s: ExtensionsOffered(%q, %q) = %v, want %v", tt.name, tt.offer, tt.chosen, got, tt.want)
		}
	}
}

// FuzzExtensions: any two values give an answer, a value is a legal answer only
// if an offer of nothing but itself names what it names, and nothing chosen that
// was not offered gets through.
func FuzzExtensions(f *testing.F) {
	f.Add([]byte("permessage-deflate; client_max_window_bits"), []byte(`permessage-deflate; client_max_window_bits="1\0"`))
	f.Add([]byte("a, b"), []byte(`b;x="y"`))
	f.Fuzz(func(t *testing.T, offer, chosen []byte) {
		if !ExtensionsOffered(offer, chosen) {
			return
		}
		for l := (lexer{in: chosen}); l.nextElement(); {
			var e extension
			if !e.parse(&l) || e.illegal || !strings.Contains(string(offer), string(e.name)) {
				t.Fatalf("ExtensionsOffered(%q, %q) = true", offer, chosen)
			}
		}
		if joined := append(append([]byte(nil), offer...), ", x-unasked"...); !ExtensionsOffered(joined, chosen) {
			t.Fatalf("a longer offer than %q no longer allows %q", offer, chosen)
		}
	})
}
