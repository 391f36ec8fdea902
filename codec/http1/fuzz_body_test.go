package http1

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

// FuzzBodyDecoder: the same data, end and refusal however the stream is cut; and a
// complete chunked body has the data that net/http finds in it. We refuse more
// than it does: extensions and trailers have other bounds, and the trailer section
// is none of its chunked reader's business.
func FuzzBodyDecoder(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\nGET /"), uint16(3), uint8(BodyChunked), int64(0))
	f.Add([]byte("1;a=b\r\nx\r\n00\r\nA: b\r\n\r\n"), uint16(9), uint8(BodyChunked), int64(0))
	f.Add([]byte("hello"), uint16(2), uint8(BodyLength), int64(4))
	f.Add([]byte("hello"), uint16(2), uint8(BodyUntilClose), int64(0))
	for _, in := range attacks(f, "request") {
		if _, body, ok := strings.Cut(in, "\r\n\r\n"); ok {
			f.Add([]byte(body), uint16(len(body)/2), uint8(BodyChunked), int64(0))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, kind uint8, length int64) {
		framing := Framing(kind % 4)
		s := string(in)
		data, rest, done, code := feedBody([]string{s}, framing, length)
		for _, pieces := range [][]string{cutAt(s, cut), strings.Split(s, "")} {
			d, r, end, c := feedBody(pieces, framing, length)
			if len(pieces) == 0 {
				d, end = "", done
			}
			if d != data || r != rest && len(pieces) > 0 || end != done || c != code {
				t.Fatalf("answer depends on the cut %q:\n%q, %q, %v, %v whole\n%q, %q, %v, %v cut", pieces, data, rest, done, code, d, r, end, c)
			}
		}
		if len(data)+len(rest) > len(in) {
			t.Fatalf("%d bytes of data and %d left out of %d", len(data), len(rest), len(in))
		}
		if framing != BodyChunked || !done {
			return
		}
		if !strings.HasSuffix(s, "\r\n"+rest) {
			t.Fatalf("the body ends without CRLF before %q", rest)
		}
		oracle, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
		if err != nil || string(oracle) != data {
			t.Fatalf("data %q, net/http has %q, %v", data, oracle, err)
		}
	})
}
