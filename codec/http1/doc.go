// Package http1 turns bytes into HTTP/1.1 message parts and back (RFC 9110, 9112).
//
// It does no I/O, starts no goroutine, reads no clock, logs nothing, and imports
// nothing of weir. Every function is a pure step over memory the caller owns, and
// none allocates once the slices it is given are large enough.
//
// A head is parsed from a buffer that holds all of it; what comes out are offsets
// (Span) into that buffer. A body is decoded as a stream by a BodyDecoder of a few
// bytes, so an exchange that waits holds no buffer here.
//
// There is one grammar, and it is strict: whatever leaves a doubt about where a
// message ends, or which authority it is for, is refused with a Code and never
// repaired. The answer to a byte stream does not depend on how it was cut.
//
// Not done here: decoding of the path, dot segments, the meaning of fields other
// than those that frame, route or keep a connection. Trailers are checked and
// dropped.
package http1
