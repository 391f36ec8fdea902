package proxyproto

// Code says which rule a peer broke. It is returned by value, so that refusing
// costs no allocation, and it is an error for callers that want one. Compare it with
// CodeOK: a CodeOK stored in an error is not a nil error.
type Code uint8

// The codes. CodeOK means that nothing is wrong, though the input may be unfinished.
const (
	CodeOK           Code = iota
	CodeSignature         // the stream does not begin with a header
	CodeLineEnd           // 2.1: CR or LF alone
	CodeLineTooLong       // 2.1: no CRLF in MaxV1Bytes
	CodeLine              // 2.1: other words, or other spaces, than the grammar has
	CodeAddress           // 2.1: not an address of the family that was named
	CodePort              // 2.1: not a port
	CodeVersion           // 2.2: a version other than 2
	CodeCommand           // 2.2: a command other than LOCAL and PROXY
	CodeFamily            // 2.2: an undefined pair of address family and protocol
	CodeDatagram          // 2.2: datagrams, which no stream carries
	CodeTooLarge          // over MaxV2Bytes
	CodeLength            // 2.2: a length too short for the addresses
	CodeTLV               // 2.2: a TLV that does not fit, or is not as its type demands
	CodeDuplicateTLV      // a TLV that cannot have two values
	CodeChecksum          // 2.2.3
	numCodes
)

var codeText = [numCodes]string{
	CodeOK:           "ok",
	CodeSignature:    "no PROXY header",
	CodeLineEnd:      "CR or LF alone in the PROXY line",
	CodeLineTooLong:  "PROXY line too long",
	CodeLine:         "malformed PROXY line",
	CodeAddress:      "malformed address in the PROXY line",
	CodePort:         "malformed port in the PROXY line",
	CodeVersion:      "unknown version of the PROXY header",
	CodeCommand:      "unknown command in the PROXY header",
	CodeFamily:       "unknown address family in the PROXY header",
	CodeDatagram:     "PROXY header of a datagram",
	CodeTooLarge:     "PROXY header too large",
	CodeLength:       "PROXY header too short for its addresses",
	CodeTLV:          "malformed TLV in the PROXY header",
	CodeDuplicateTLV: "TLV given more than once in the PROXY header",
	CodeChecksum:     "wrong checksum of the PROXY header",
}

// Error returns the rule in words: a constant string.
func (c Code) Error() string {
	if c >= numCodes {
		return "unknown code"
	}
	return codeText[c]
}

// String is Error.
func (c Code) String() string { return c.Error() }
