package http1

import (
	"strings"
	"testing"
)

func TestBodyDecoder(t *testing.T) {
	tests := []struct {
		name    string
		framing Framing
		length  int64
		in      string
		data    string
		done    bool
	}{
		{"none", BodyNone, 0, "", "", true},
		{"length 0", BodyLength, 0, "", "", true},
		{"length", BodyLength, 5, "hello", "hello", true},
		{"length, unfinished", BodyLength, 6, "hello", "hello", false},
		{"until close", BodyUntilClose, 0, "hello", "hello", false},
		{"chunked", BodyChunked, 0, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", true},
		{"empty chunked", BodyChunked, 0, "0\r\n\r\n", "", true},
		{"many zeros in the last chunk", BodyChunked, 0, "000\r\n\r\n", "", true},
		{"hex digits in either case, leading zeros", BodyChunked, 0, "0a\r\n0123456789\r\n00B\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a", true},
		{"15 digits", BodyChunked, 0, "000000000000001\r\nx\r\n0\r\n\r\n", "x", true},
		{"data that looks like framing", BodyChunked, 0, "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n", true},
		{"extensions", BodyChunked, 0, "1;a;b=c; d=\"e;f\"\r\nx\r\n0;last\r\n\r\n", "x", true},
		{"trailers", BodyChunked, 0, "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x", true},
		{"unfinished size", BodyChunked, 0, "1\r\nx\r\n1", "x", false},
		{"unfinished data", BodyChunked, 0, "5\r\nxy", "xy", false},
		{"unfinished trailer", BodyChunked, 0, "1\r\nx\r\n0\r\nA: b\r\n", "x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, tt.done, func(t *testing.T, pieces []string) {
				data, rest, done, code := feedBody(pieces, tt.framing, tt.length)
				if data != tt.data || done != tt.done || code != CodeOK {
					t.Errorf("%q: got %q, %v, %v; want %q, %v", pieces, data, done, code, tt.data, tt.done)
				}
				if all := strings.Join(pieces, ""); done && all != tt.in+rest {
					t.Errorf("%q: left %q", pieces, rest)
				}
			})
		})
	}
}

func TestBodyDecoderRefuses(t *testing.T) {
	longExt := ";" + strings.Repeat("e", maxChunkExtBytes)
	tests := []struct {
		name, in string
		data     string // what comes out before
		code     Code
	}{
		{"no size", "\r\n", "", CodeChunkSize},
		{"sign", "+5\r\n", "", CodeChunkSize},
		{"0x (read as 0 by some)", "0x5\r\nhello\r\n", "", CodeChunkSize},
		{"space before size", " 5\r\n", "", CodeChunkSize},
		{"space after size", "5 \r\n", "", CodeChunkSize},
		{"tab before extension", "5\t;a\r\n", "", CodeChunkSize},
		{"16 digits (overflow)", "0000000000000005\r\n", "", CodeChunkSize},
		{"bare LF after size", "5\nhello", "", CodeChunkSize},
		{"bare CR after size", "5\rhello", "", CodeChunkTerminator},
		{"bare LF in extension (TERM.EXT)", "5;a\nhello", "", CodeChunkExt},
		{"bare CR in extension", "5;a\rb\r\n", "", CodeChunkTerminator},
		{"NUL in extension", "5;\x00\r\n", "", CodeChunkExt},
		{"one extension too long", "1" + longExt + "e", "", CodeChunkExt},
		{"extensions of many chunks (cheap DoS)", strings.Repeat("1"+longExt[:201]+"\r\nx\r\n", 25), strings.Repeat("x", 20), CodeChunkExt},
		{"bare LF after data", "1\r\nx\n", "x", CodeChunkTerminator},
		{"bare CR after data", "1\r\nx\rx", "x", CodeChunkTerminator},
		{"data longer than its size", "1\r\nxy\r\n", "x", CodeChunkTerminator},
		{"data shorter than its size", "3\r\nx\r\n0\r\n\r\n", "x\r\n", CodeChunkTerminator},
		{"next size missing", "1\r\nx\r\n\r\n", "x", CodeChunkSize},
		{"request in place of the last chunk", "1\r\nx\r\nGET / HTTP/1.1\r\n", "x", CodeChunkSize},
		{"bare LF ends the body", "0\r\n\n", "", CodeTrailer},
		{"bare CR ends the body", "0\r\n\rG", "", CodeTrailer},
		{"request in place of trailers", "0\r\nGET / HTTP/1.1\r\n", "", CodeTrailer},
		{"folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "", CodeTrailer},
		{"trailer with space before colon", "0\r\nA : b\r\n\r\n", "", CodeTrailer},
		{"trailer without name", "0\r\n: b\r\n\r\n", "", CodeTrailer},
		{"NUL in trailer", "0\r\nA: \x00\r\n\r\n", "", CodeTrailer},
		{"bare LF in trailer", "0\r\nA: b\n\r\n", "", CodeTrailer},
		{"bare CR in trailer", "0\r\nA: b\rc\r\n\r\n", "", CodeTrailer},
		{"65 trailers", "0\r\n" + strings.Repeat("A:\r\n", 65), "", CodeTrailerTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, true, func(t *testing.T, pieces []string) {
				data, _, done, code := feedBody(pieces, BodyChunked, 0)
				if data != tt.data || done || code != tt.code {
					t.Errorf("%q: got %q, %v, %v; want %q, %v", pieces, data, done, code, tt.data, tt.code)
				}
			})
		})
	}
	t.Run("trailer section over 8 KiB", func(t *testing.T) {
		in := "0\r\nA: " + strings.Repeat("b", maxTrailerBytes)
		if _, _, _, code := feedBody(strings.Split(in, ""), BodyChunked, 0); code != CodeTrailerTooLarge {
			t.Errorf("got %v", code)
		}
	})
}

// Data pays for extensions: a sender that signs each real chunk is not refused,
// however long the body.
func TestExtensionsPaidForByData(t *testing.T) {
	chunk := "c8;signature=" + strings.Repeat("0", 150) + "\r\n" + strings.Repeat("x", 200) + "\r\n"
	_, _, done, code := feedBody([]string{strings.Repeat(chunk, 200) + "0\r\n\r\n"}, BodyChunked, 0)
	if !done || code != CodeOK {
		t.Errorf("done %v, %v", done, code)
	}
}

func TestBodyDecoderStaysRefused(t *testing.T) {
	var d BodyDecoder
	d.Init(BodyChunked, 0)
	for _, in := range []string{"z", "5\r\nhello"} {
		if data, used, done, code := d.Next([]byte(in)); len(data)+used != 0 || done || code != CodeChunkSize {
			t.Errorf("Next = %q, %d, %v, %v", data, used, done, code)
		}
	}
	if d.Finish() {
		t.Error("a refused body is complete")
	}
}

func TestBodyDecoderFinish(t *testing.T) {
	tests := []struct {
		name     string
		framing  Framing
		length   int64
		in       string
		complete bool
	}{
		{"none", BodyNone, 0, "", true},
		{"length", BodyLength, 2, "ab", true},
		{"length cut short", BodyLength, 2, "a", false},
		{"until close", BodyUntilClose, 0, "ab", true},
		{"chunked", BodyChunked, 0, "1\r\nx\r\n0\r\n\r\n", true},
		{"chunked cut before the last chunk", BodyChunked, 0, "1\r\nx\r\n", false},
		{"chunked cut before the last CRLF", BodyChunked, 0, "1\r\nx\r\n0\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d BodyDecoder
			d.Init(tt.framing, tt.length)
			for in := []byte(tt.in); ; {
				_, used, done, _ := d.Next(in)
				if in = in[used:]; used == 0 || done {
					break
				}
			}
			if got := d.Finish(); got != tt.complete || d.Done() != tt.complete {
				t.Errorf("Finish = %v, Done = %v, want %v", got, d.Done(), tt.complete)
			}
		})
	}
}

func TestBodyDecoderRemaining(t *testing.T) {
	var d BodyDecoder
	if !d.Done() || d.Remaining() != 0 {
		t.Error("the zero BodyDecoder is not done")
	}
	d.Init(BodyLength, 10)
	d.Next([]byte("abc"))
	if got := d.Remaining(); got != 7 {
		t.Errorf("Remaining = %d, want 7", got)
	}
	d.Init(BodyChunked, 0)
	if got := d.Remaining(); got != -1 || d.Done() {
		t.Errorf("chunked: Remaining = %d, Done = %v", got, d.Done())
	}
}
