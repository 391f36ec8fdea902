package http1

import "strconv"

// The writers append to dst and return the extended slice, as append does; they
// allocate only when dst has no room. They write what they are given: values that
// did not come out of a parser go through ValidFieldName and ValidFieldValue first.

// AppendRequestLine appends a request line, always HTTP/1.1, in origin-form, or in
// asterisk-form when path is "*". An empty path becomes "/", and "*" for an
// OPTIONS without a query (RFC 9112 3.2.4). query is without its "?", which
// hasQuery stands for.
func AppendRequestLine(dst []byte, method, path, query []byte, hasQuery bool) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	switch {
	case len(path) > 0:
		dst = append(dst, path...)
	case string(method) == "OPTIONS" && !hasQuery:
		dst = append(dst, '*')
	default:
		dst = append(dst, '/')
	}
	if hasQuery {
		dst = append(dst, '?')
		dst = append(dst, query...)
	}
	return append(dst, " HTTP/1.1\r\n"...)
}

// AppendStatusLine appends the status line of a response of version HTTP/1.minor.
// A nil reason stands for the standard phrase.
func AppendStatusLine(dst []byte, minor uint8, status int, reason []byte) []byte {
	dst = append(dst, "HTTP/1."...)
	dst = append(dst, '0'+minor, ' ')
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	if reason == nil {
		dst = append(dst, ReasonPhrase(status)...)
	} else {
		dst = append(dst, reason...)
	}
	return append(dst, '\r', '\n')
}

// AppendField appends one field line.
func AppendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}

// AppendFieldString appends one field line.
func AppendFieldString(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}

// AppendFields appends the fields that are not hop-by-hop, in their order and as
// they were spelt. Host and Content-Length are among them.
func AppendFields(dst, buf []byte, fields []Field) []byte {
	for i := range fields {
		if f := &fields[i]; !f.Hop {
			dst = AppendField(dst, f.Name.Of(buf), f.Value.Of(buf))
		}
	}
	return dst
}

// AppendContentLength appends a Content-Length field.
func AppendContentLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

// AppendChunkHead appends the line before n bytes of chunk data, after which the
// caller appends CRLF. n must be positive: a chunk of none would end the body.
func AppendChunkHead(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 16)
	return append(dst, '\r', '\n')
}

// AppendChunk appends data as one chunk. Nothing is appended for empty data, which
// would end the body.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = AppendChunkHead(dst, len(data))
	dst = append(dst, data...)
	return append(dst, '\r', '\n')
}

// AppendLastChunk appends the end of a chunked body, without trailers.
func AppendLastChunk(dst []byte) []byte { return append(dst, "0\r\n\r\n"...) }
