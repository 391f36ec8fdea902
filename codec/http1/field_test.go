package http1

import (
	"strings"
	"testing"
)

func TestFieldIDs(t *testing.T) {
	if numFieldIDs > 64 {
		t.Fatalf("%d field names do not fit a fieldSet", numFieldIDs)
	}
	for id := FieldHost; id < numFieldIDs; id++ {
		name := fieldNames[id]
		if name == "" || name != strings.ToLower(name) {
			t.Errorf("field %d is called %q", id, name)
			continue
		}
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if got := fieldIDOf([]byte(spelling)); got != id {
				t.Errorf("fieldIDOf(%q) = %v; two names share a slot of fieldIndex?", spelling, got)
			}
		}
		for _, other := range []string{name + "x", "x" + name, name[1:] + "\x00", "\x00" + name[1:]} {
			if got := fieldIDOf([]byte(other)); got != FieldUnknown {
				t.Errorf("fieldIDOf(%q) = %v", other, got)
			}
		}
	}
}

// Letter case is that of ASCII letters alone: bytes that differ in the same bit,
// and letters that fold outside ASCII (K, the Kelvin sign), are not equal.
func TestEqualFoldIsASCII(t *testing.T) {
	for c := range 256 {
		for d := range 256 {
			want := strings.ToLower(string(rune(c))) == string(rune(d))
			if c > 127 || d > 127 {
				want = c == d
			}
			if d >= 'A' && d <= 'Z' {
				continue // the second argument is in lower case
			}
			if got := EqualFold([]byte{byte(c)}, string([]byte{byte(d)})); got != want {
				t.Fatalf("EqualFold(%#x, %#x) = %v", c, d, got)
			}
		}
	}
	if EqualFold([]byte("\u212a"), "k") || EqualFold([]byte("ab"), "a") {
		t.Error("EqualFold accepts different strings")
	}
}

func TestFind(t *testing.T) {
	buf := []byte("GET / HTTP/1.1\r\nX-One: 1\r\nHost: a\r\nx-two: 2\r\nX-Two: 3\r\n\r\n")
	var h RequestHead
	if n, code := ParseRequestHead(buf, 0, &DefaultLimits, &h); n == 0 {
		t.Fatal(code)
	}
	if got := Find(h.Fields, FieldHost); got != 1 {
		t.Errorf("Find(host) = %d", got)
	}
	if got := Find(h.Fields, FieldCookie); got != -1 {
		t.Errorf("Find(cookie) = %d", got)
	}
	for name, want := range map[string]int{"x-one": 0, "HOST": 1, "X-Two": 2, "x-tw": -1, "": -1} {
		if got := FindName(buf, h.Fields, name); got != want {
			t.Errorf("FindName(%q) = %d, want %d", name, got, want)
		}
	}
}

func TestValidFieldNameAndValue(t *testing.T) {
	for s, want := range map[string]bool{"": false, "X-a_1.~!": true, "a b": false, "a:": false, "a\r\nb": false, "\x80": false, "\x00": false} {
		if ValidFieldName(s) != want || ValidFieldName([]byte(s)) != want {
			t.Errorf("ValidFieldName(%q) is not %v", s, want)
		}
	}
	for s, want := range map[string]bool{"": true, "a b\tc\xff": true, " a": false, "a\t": false, "a\r\nX: y": false, "a\nb": false, "\x00": false, "\x7f": false} {
		if ValidFieldValue(s) != want || ValidFieldValue([]byte(s)) != want {
			t.Errorf("ValidFieldValue(%q) is not %v", s, want)
		}
	}
}

func TestMethods(t *testing.T) {
	for m := MethodGET; m < numMethods; m++ {
		if got := methodOf([]byte(m.String())); got != m {
			t.Errorf("methodOf(%v) = %v", m, got)
		}
		if methodOf([]byte(strings.ToLower(m.String()))) != MethodOther {
			t.Errorf("%v in lower case is taken for it", m)
		}
	}
	if MethodPOST.Idempotent() || MethodPATCH.Idempotent() || MethodOther.Idempotent() || MethodCONNECT.Idempotent() || !MethodGET.Idempotent() {
		t.Error("Idempotent differs from RFC 9110 9.2.2")
	}
}

func TestCodes(t *testing.T) {
	seen := map[string]Code{}
	for c := CodeOK; c < numCodes; c++ {
		if c.Error() == "" || seen[c.Error()] != 0 {
			t.Errorf("code %d has no text of its own: %q", c, c.Error())
		}
		seen[c.Error()] = c
		if (c.Status() < 400) != (c == CodeOK) || c.Status() != 0 && ReasonPhrase(c.Status()) == "" {
			t.Errorf("%v has status %d", c, c.Status())
		}
	}
}
