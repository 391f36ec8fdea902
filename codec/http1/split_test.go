package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everySplit runs check on s whole, byte by byte, and cut in two at every offset;
// and, when s has an answer, with the start of a next message glued on. A sans-IO
// parser must give one answer for all of them.
func everySplit(t *testing.T, s string, answered bool, check func(*testing.T, []string)) {
	t.Helper()
	check(t, []string{s})
	check(t, strings.Split(s, ""))
	for i := 1; i < len(s); i++ {
		check(t, []string{s[:i], s[i:]})
	}
	if answered {
		check(t, []string{s + "GET /next"})
		check(t, []string{s + "\r\n\x00\n"})
	}
}

// grow returns a copy of buf with piece at its end, in an array that ends there: a
// parser that reads one byte too far panics.
func grow(buf []byte, piece string) []byte {
	grown := make([]byte, 0, len(buf)+len(piece))
	grown = append(append(grown, buf...), piece...)
	return slices.Clip(grown)
}

// feedRequest gives pieces to the parser one after the other, as a session does,
// and dumps the head it finds; "" when there is none.
func feedRequest(pieces []string, lim *Limits) (dump string, code Code) {
	var h RequestHead
	var buf []byte
	for _, piece := range pieces {
		scanned := len(buf)
		buf = grow(buf, piece)
		n, code := ParseRequestHead(buf, scanned, lim, &h)
		if code != CodeOK {
			return "", code
		}
		if n > 0 {
			return dumpRequest(buf, n, &h), CodeOK
		}
	}
	return "", CodeOK
}

// dumpRequest writes h as "method path[?query] 1.minor host framing flags", then
// one "name=value" a field, "!" before those that are hop-by-hop.
func dumpRequest(buf []byte, n int, h *RequestHead) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", h.MethodName.Of(buf), h.Path.Of(buf))
	if h.HasQuery {
		fmt.Fprintf(&b, "?%s", h.Query.Of(buf))
	}
	fmt.Fprintf(&b, " 1.%d %s", h.Minor, h.Host.Of(buf))
	dumpRest(&b, buf, h.Framing, h.Length, h.KeepAlive, h.Upgrade, h.Fields)
	if h.Expect100 {
		b.WriteString("|expect")
	}
	if n > len(buf) {
		fmt.Fprintf(&b, "|claims %d of %d bytes", n, len(buf))
	}
	return b.String()
}

func feedResponse(pieces []string, lim *Limits, req Method) (dump string, code Code) {
	var h ResponseHead
	var buf []byte
	for _, piece := range pieces {
		scanned := len(buf)
		buf = grow(buf, piece)
		n, code := ParseResponseHead(buf, scanned, lim, req, &h)
		if code != CodeOK {
			return "", code
		}
		if n > 0 {
			return dumpResponse(buf, n, &h), CodeOK
		}
	}
	return "", CodeOK
}

func dumpResponse(buf []byte, n int, h *ResponseHead) string {
	var b strings.Builder
	fmt.Fprintf(&b, "1.%d %d %s", h.Minor, h.Status, h.Reason.Of(buf))
	dumpRest(&b, buf, h.Framing, h.Length, h.KeepAlive, h.Upgrade, h.Fields)
	if n > len(buf) {
		fmt.Fprintf(&b, "|claims %d of %d bytes", n, len(buf))
	}
	return b.String()
}

func dumpRest(b *strings.Builder, buf []byte, f Framing, length int64, keep, upgrade bool, fields []Field) {
	fmt.Fprintf(b, " %v:%d", f, length)
	if keep {
		b.WriteString(" keep")
	}
	if upgrade {
		b.WriteString(" upgrade")
	}
	for _, f := range fields {
		b.WriteString("|")
		if f.Hop {
			b.WriteString("!")
		}
		fmt.Fprintf(b, "%s=%s", f.Name.Of(buf), f.Value.Of(buf))
	}
}

// feedBody gives pieces to a decoder as a session does. rest is what it left over.
func feedBody(pieces []string, f Framing, length int64) (data, rest string, done bool, code Code) {
	var d BodyDecoder
	d.Init(f, length)
	var out []byte
	for i, piece := range pieces {
		in := grow(nil, piece)
		for {
			data, used, done, code := d.Next(in)
			out = append(out, data...)
			in = in[used:]
			if code != CodeOK {
				return string(out), "", false, code
			}
			if done {
				return string(out), string(in) + strings.Join(pieces[i+1:], ""), true, CodeOK
			}
			if used == 0 {
				break
			}
		}
		if len(in) > 0 {
			return string(out), string(in), false, CodeOK // a bug: nothing may be left
		}
	}
	return string(out), "", d.Done(), CodeOK
}
