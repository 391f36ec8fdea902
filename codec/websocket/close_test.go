package websocket

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValidCloseCode(t *testing.T) {
	valid := [][2]int{{1000, 1003}, {1007, 1014}, {3000, 4999}}
	for code := range 1 << 16 {
		want := false
		for _, r := range valid {
			want = want || r[0] <= code && code <= r[1]
		}
		if got := ValidCloseCode(uint16(code)); got != want {
			t.Errorf("ValidCloseCode(%d) = %v, want %v", code, got, want)
		}
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		name   string
		code   uint16
		reason string
		want   string
	}{
		{"no reason", 1000, "", "\x88\x02\x03\xe8"},
		{"reason", 1012, "restart", "\x88\x09\x03\xf4restart"},
		{"longest", 1000, strings.Repeat("a", 123), "\x88\x7d\x03\xe8" + strings.Repeat("a", 123)},
		{"cut", 1000, strings.Repeat("a", 500), "\x88\x7d\x03\xe8" + strings.Repeat("a", 123)},
		{"cut between characters", 1000, strings.Repeat("a", 121) + "€", "\x88\x7b\x03\xe8" + strings.Repeat("a", 121)},
		{"cut a reason that is not UTF-8", 1000, strings.Repeat("\x80", 200), "\x88\x02\x03\xe8"},
	}
	for _, tt := range tests {
		got := AppendClose([]byte("x"), tt.code, tt.reason)
		if string(got) != "x"+tt.want {
			t.Errorf("%s: AppendClose = %q, want %q", tt.name, got, "x"+tt.want)
		}
		var h Header
		n, code := ParseHeader(got[1:], &h)
		if code != 0 || h.OpCode != OpClose || int(h.Length) != len(got)-1-n {
			t.Errorf("%s: header %+v, %v", tt.name, h, code)
		}
	}
}

func TestParseClose(t *testing.T) {
	tests := []struct {
		name, payload string
		status        uint16
		reason        string
		code          Code
	}{
		{"empty", "", 0, "", 0},
		{"status", "\x03\xe8", 1000, "", 0},
		{"status and reason", "\x03\xe9bye \u20ac", 1001, "bye \u20ac", 0},
		{"one byte", "\x03", 0, "", CodeCloseLength},
		{"1005 on the wire", "\x03\xed", 0, "", CodeCloseStatus},
		{"0", "\x00\x00", 0, "", CodeCloseStatus},
		{"5000", "\x13\x88", 0, "", CodeCloseStatus},
		{"reason cut inside a character", "\x03\xe8\xe2\x82", 0, "", CodeCloseReason},
		{"surrogate", "\x03\xe8\xed\xa0\x80", 0, "", CodeCloseReason},
	}
	for _, tt := range tests {
		status, reason, code := ParseClose([]byte(tt.payload))
		if status != tt.status || string(reason) != tt.reason || code != tt.code {
			t.Errorf("%s: ParseClose = %d, %q, %v; want %d, %q, %v", tt.name, status, reason, code, tt.status, tt.reason, tt.code)
		}
	}
}

// FuzzClose: what AppendCloseBody writes with a valid status and a UTF-8 reason,
// ParseClose reads back, as long as it fits.
func FuzzClose(f *testing.F) {
	f.Add(uint16(1000), "bye")
	f.Add(uint16(4999), strings.Repeat("\u20ac", 60))
	f.Fuzz(func(t *testing.T, status uint16, reason string) {
		body := AppendCloseBody(nil, status, reason)
		if len(body) > MaxControlPayload {
			t.Fatalf("%d bytes of payload", len(body))
		}
		got, text, code := ParseClose(body)
		if !ValidCloseCode(status) || !utf8.ValidString(reason) {
			return
		}
		if code != 0 || got != status || !strings.HasPrefix(reason, string(text)) || len(text) < min(len(reason), maxReason-utf8.UTFMax+1) {
			t.Fatalf("(%d, %q) came back as (%d, %q), %v", status, reason, got, text, code)
		}
	})
}

func TestCodeText(t *testing.T) {
	seen := map[string]bool{}
	for c := range numCodes {
		if s := c.Error(); s == "" || seen[s] {
			t.Errorf("code %d: text %q is missing or not its own", c, s)
		} else {
			seen[s] = true
		}
	}
	if seen[numCodes.Error()] {
		t.Error("a code past the last has a text of its own")
	}
}
