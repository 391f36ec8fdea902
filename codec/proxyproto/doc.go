// Package proxyproto reads and writes the header of the PROXY protocol, versions 1 and
// 2: the line or block in front of a connection by which a proxy says whose it is.
// Section numbers here are those of HAProxy's doc/proxy-protocol.txt.
//
// It does no I/O, starts no goroutine, reads no clock, logs nothing, and imports
// nothing of weir. Every function is a pure step over memory the caller owns, and
// none allocates once the slice it appends to has room. The answer to a byte stream
// does not depend on how it was cut.
//
// A header says who the client is, so whoever may send one may be anybody. Which peers
// are believed is the caller's affair, as is the time a header may take (2, 5).
// Whatever is believed is read by one strict grammar: what leaves a doubt is refused
// with a Code and never repaired.
package proxyproto
