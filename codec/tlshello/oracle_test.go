package tlshello

import (
	"bytes"
	"crypto/tls"
	"errors"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var errSeen = errors.New("seen")

// askStd gives in to crypto/tls and returns what it has parsed, nil if it refused or
// wanted more.
func askStd(in []byte) (info *tls.ClientHelloInfo) {
	conn := tls.Server(&memory{in: bytes.NewReader(in)}, &tls.Config{
		GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
			info = i
			return nil, errSeen
		},
	})
	if err := conn.Handshake(); err != nil && !errors.Is(err, errSeen) {
		return nil
	}
	return info
}

// hostName is what a server name must be, written another way than in setName.
var hostName = regexp.MustCompile(`(?i)^[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)

// stricter reports whether a refusal of what crypto/tls takes is one we want.
func stricter(code Code, in []byte, std *tls.ClientHelloInfo) bool {
	switch code {
	case CodeRecordVersion: // it takes every record version below 16.0
	case CodeRecordType: // it skips warning alerts before the hello
		return bytes.Contains(in, []byte{0x15})
	case CodeTooLarge: // it does not count the headers of records
		return len(in) > MaxBytes-messageHeaderBytes
	case CodeTooManyRecords:
		return len(in) > MaxRecords*(recordHeaderBytes+1)
	case CodeTooManyExtensions:
		return len(std.Extensions) > MaxExtensions
	case CodeServerName: // it takes any bytes for a name
		return len(std.ServerName) > maxNameBytes || !hostName.MatchString(std.ServerName)
	case CodeSessionID, CodeCompression: // it does not check these bounds
	case CodeCipherSuites:
		return len(std.CipherSuites) == 0
	default:
		return false
	}
	return true
}

// compare demands that what crypto/tls accepts means the same to Parse.
func compare(t *testing.T, in []byte) (accepted bool) {
	t.Helper()
	std := askStd(in)
	if std == nil {
		return false
	}
	var h Hello
	n, code := Parse(in, &h)
	if n == 0 {
		if !stricter(code, in, std) {
			t.Errorf("crypto/tls accepts with the name %q what is refused: %v\n%q", std.ServerName, code, in)
		}
		return false
	}
	if want := strings.ToLower(std.ServerName); string(h.ServerName) != want {
		t.Errorf("name %q, crypto/tls has %q\n%q", h.ServerName, want, in)
	}
	var protocols []string
	for p := range h.Protocols() {
		protocols = append(protocols, string(p))
	}
	if !slices.Equal(protocols, std.SupportedProtos) {
		t.Errorf("protocols %q, crypto/tls has %q\n%q", protocols, std.SupportedProtos, in)
	}
	highest := uint16(0)
	for _, v := range std.SupportedVersions {
		// Without the extension it derives the list from the legacy version, and from
		// one above TLS 1.2 would derive 1.3.
		if v>>8 == majorVersion && (v <= version12 || slices.Contains(std.Extensions, extensionSupportedVersions)) {
			highest = max(highest, v)
		}
	}
	if h.Version != highest && highest > version30 { // nor does it list SSL 3
		t.Errorf("version %#x, crypto/tls has %#x\n%q", h.Version, highest, in)
	}
	return true
}

// mutate changes, moves, repeats or drops a few bytes of in.
func mutate(r *rand.Rand, in string) []byte {
	b := []byte(in)
	for range 1 + r.IntN(3) {
		if len(b) < 16 {
			break
		}
		i := r.IntN(len(b))
		switch r.IntN(8) {
		case 0:
			b[i] = byte(r.Uint32())
		case 1:
			b[i]++
		case 2:
			b[i]--
		case 3:
			b[i] ^= 1 << r.IntN(8)
		case 4:
			b = slices.Delete(b, i, min(len(b), i+1+r.IntN(4)))
		case 5:
			b = slices.Insert(b, i, byte(r.Uint32()))
		case 6:
			b = slices.Insert(b, i, b[i:min(len(b), i+1+r.IntN(40))]...)
		case 7:
			// Where the headers and the names are.
			b[r.IntN(min(len(b), 160))] = byte(r.Uint32())
		}
	}
	return b
}

// TestMutationsAgainstStd is the oracle: of random changes to good hellos, whatever
// crypto/tls accepts has the same name, protocols and version here, or is refused for
// one of the reasons in stricter.
func TestMutationsAgainstStd(t *testing.T) {
	var seeds []string
	found := captures(t)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		seeds = append(seeds, found[name], records(payloads(found[name]), 77))
	}
	for _, tt := range helloCases {
		if tt.code == CodeOK || tt.code == CodeServerName {
			seeds = append(seeds, tt.in, records(payloads(tt.in), 5))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	const rounds = 40_000
	for i := range rounds {
		if compare(t, mutate(r, seeds[i%len(seeds)])) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("both accept %d of %d", accepted, rounds)
	if accepted < rounds/10 {
		t.Error("too few mutations are accepted to prove anything")
	}
}

// FuzzParseHello: any input has one answer, however it is cut, and what crypto/tls accepts
// means the same here.
func FuzzParseHello(f *testing.F) {
	for _, tt := range helloCases {
		f.Add([]byte(tt.in), uint16(9))
	}
	for _, in := range captures(f) {
		f.Add([]byte(in), uint16(200))
		f.Add([]byte(records(payloads(in), 100)), uint16(103))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		s := string(in)
		n, whole, code := feed([]string{s})
		at := min(int(cut), len(s))
		if n2, split, c := feed([]string{s[:at], s[at:]}); n2 != n || split != whole || c != code {
			t.Fatalf("answer depends on the cut at %d: %d %q %v, %d %q %v", at, n, whole, code, n2, split, c)
		}
		if len(s) < 256 {
			if n2, split, c := feed(strings.Split(s, "")); n2 != n || split != whole || c != code {
				t.Fatalf("answer depends on the cuts: %d %q %v, %d %q %v", n, whole, code, n2, split, c)
			}
		}
		if n > len(s) || n > MaxBytes || n > 0 && code != CodeOK {
			t.Fatalf("n = %d of %d, %v", n, len(s), code)
		}
		if want := LooksLikeTLS(in); (want == No) != (len(s) > 0 && (code == CodeRecordType || code == CodeRecordVersion) && (s[0] != typeHandshake || s[1] != majorVersion)) {
			t.Fatalf("LooksLikeTLS says %d of %v", want, code)
		}
		compare(t, in)
	})
}
