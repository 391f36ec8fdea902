// Package websocket holds the byte rules of RFC 6455: the handshake values, the
// lists in handshake fields, frame headers, masking and close frames.
//
// It does no I/O, starts no goroutine, reads no clock, logs nothing, and imports
// nothing of weir. Every function is a pure step over caller-owned memory and
// allocates nothing once the destination it appends to has room.
//
// Frame types, opcodes and the mask kernel are those of github.com/gobwas/ws.
// Its readers and writers are not used: they take an io.Reader, so they block.
//
// What is legal depends on things this package does not see: whether a frame must
// be masked depends on the role, whether RSV bits may be set on the extensions
// agreed, whether a continuation may come on the frame before. Those are the
// caller's.
package websocket

// Code says which rule of the wire format a peer broke. Compare it with CodeOK: a
// CodeOK stored in an error is not a nil error.
type Code uint8

// The codes, with the section of RFC 6455 that forbids what was seen.
const (
	CodeOK                Code = iota // nothing is wrong, though the input may be unfinished
	CodeReservedOpCode                // 5.2: opcodes 3-7 and 11-15
	CodeFragmentedControl             // 5.5: a control frame without FIN
	CodeLongControl                   // 5.5: a control frame over 125 bytes
	CodeLengthSign                    // 5.2: the top bit of a 64-bit length
	CodeLengthForm                    // 5.2: a length not in its shortest form
	CodeCloseLength                   // 5.5.1: a close payload of one byte
	CodeCloseStatus                   // 7.4: a status that may not be sent
	CodeCloseReason                   // 5.5.1: a reason that is not UTF-8
	numCodes
)

var codeText = [numCodes]string{
	CodeOK:                "websocket: ok",
	CodeReservedOpCode:    "websocket: reserved opcode",
	CodeFragmentedControl: "websocket: fragmented control frame",
	CodeLongControl:       "websocket: control frame over 125 bytes",
	CodeLengthSign:        "websocket: payload length over 63 bits",
	CodeLengthForm:        "websocket: payload length not in its shortest form",
	CodeCloseLength:       "websocket: close payload of one byte",
	CodeCloseStatus:       "websocket: close status that may not be sent",
	CodeCloseReason:       "websocket: close reason is not UTF-8",
}

// Error returns a constant string.
func (c Code) Error() string {
	if c >= numCodes {
		return "websocket: unknown code"
	}
	return codeText[c]
}
