// Package tlshello reads what a TLS ClientHello says about where a connection wants
// to go: its server name, its application protocols and its highest version
// (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).
//
// It does no I/O, starts no goroutine, reads no clock, logs nothing, and imports
// nothing of weir. Parsing is a pure step over memory the caller owns, and
// allocates nothing once a Hello is warm. The answer to a byte stream does not
// depend on how it was cut.
//
// Strict is what a decision rests on: the record layer, the frame of the message,
// every length of the extension list, and the three extensions named above. The
// bodies of all others are left to whoever ends the handshake. That is wished for:
// TLS that is passed through must not break on an extension weir does not know, on
// GREASE (RFC 8701), or on an Encrypted Client Hello, whose real and fake forms look
// alike (RFC 9849 6.2); routing is by the outer name.
package tlshello
