package tlshello

// Code says which rule a peer broke. It is returned by value, so that refusing
// costs no allocation, and it is an error for callers that want one. Compare it with
// CodeOK: a CodeOK stored in an error is not a nil error.
type Code uint8

// The codes. CodeOK means that nothing is wrong, though the input may be unfinished.
const (
	CodeOK                 Code = iota
	CodeRecordType              // not a handshake record (RFC 8446 5.1)
	CodeRecordVersion           // a record version other than 3.x
	CodeRecordLength            // a record that is empty or over 2^14 bytes
	CodeTooLarge                // over MaxBytes
	CodeTooManyRecords          // over MaxRecords
	CodeMessageType             // a handshake message other than ClientHello
	CodeLength                  // a length that does not fit what encloses it
	CodeSessionID               // a session id over 32 bytes
	CodeCipherSuites            // no suite, or half of one
	CodeCompression             // no compression method
	CodeDuplicateExtension      // RFC 8446 4.2
	CodeTooManyExtensions       // over MaxExtensions
	CodeServerName              // a malformed server_name extension
	CodeALPN                    // a malformed list of protocols
	CodeVersions                // a malformed list of versions
	numCodes
)

var codeText = [numCodes]string{
	CodeOK:                 "ok",
	CodeRecordType:         "not a TLS handshake record",
	CodeRecordVersion:      "unknown TLS record version",
	CodeRecordLength:       "TLS record empty or too long",
	CodeTooLarge:           "ClientHello too large",
	CodeTooManyRecords:     "ClientHello in too many records",
	CodeMessageType:        "handshake does not begin with a ClientHello",
	CodeLength:             "length in the ClientHello does not fit",
	CodeSessionID:          "session id too long",
	CodeCipherSuites:       "malformed cipher suites",
	CodeCompression:        "no compression method",
	CodeDuplicateExtension: "extension given more than once",
	CodeTooManyExtensions:  "too many extensions",
	CodeServerName:         "malformed server name",
	CodeALPN:               "malformed list of application protocols",
	CodeVersions:           "malformed list of versions",
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
