package http1

// Code says which rule a peer broke. It is returned by value, so that refusing
// costs no allocation, and it is an error for callers that want one.
type Code uint8

// The zero Code means that nothing is wrong (yet: the input may be unfinished).
const (
	CodeOK Code = iota
	CodeBareCR
	CodeBareLF
	CodeNUL
	CodeMethod
	CodeTarget
	CodeTargetTooLong
	CodeVersion
	CodeVersionUnsupported
	CodeStatus
	CodeReason
	CodeFieldName
	CodeSpaceBeforeColon
	CodeFieldValue
	CodeObsFold
	CodeHeadTooLarge
	CodeTooManyFields
	CodeHostMissing
	CodeHostDuplicate
	CodeHostMalformed
	CodeAuthorityMismatch
	CodeLengthMalformed
	CodeLengthDuplicate
	CodeLengthDiffers
	CodeLengthWithTE
	CodeTransferEncoding
	CodeTransferCoding
	CodeConnection
	CodeExpectation
	CodeChunkSize
	CodeChunkExt
	CodeChunkTerminator
	CodeTrailer
	CodeTrailerTooLarge
	numCodes
)

// codes has one row a Code: its text, and the status that answers a request which
// broke the rule.
var codes = [numCodes]struct {
	text   string
	status int
}{
	CodeOK:                 {"ok", 0},
	CodeBareCR:             {"CR without LF", 400},
	CodeBareLF:             {"LF without CR", 400},
	CodeNUL:                {"NUL byte", 400},
	CodeMethod:             {"malformed method", 400},
	CodeTarget:             {"malformed request target", 400},
	CodeTargetTooLong:      {"request target too long", 414},
	CodeVersion:            {"malformed HTTP version", 400},
	CodeVersionUnsupported: {"unsupported HTTP version", 505},
	CodeStatus:             {"malformed status code", 400},
	CodeReason:             {"malformed reason phrase", 400},
	CodeFieldName:          {"malformed field name", 400},
	CodeSpaceBeforeColon:   {"white space in or after a field name", 400},
	CodeFieldValue:         {"control byte in a field value", 400},
	CodeObsFold:            {"field line begins with white space", 400},
	CodeHeadTooLarge:       {"head too large", 431},
	CodeTooManyFields:      {"too many fields", 431},
	CodeHostMissing:        {"no Host field", 400},
	CodeHostDuplicate:      {"more than one Host field", 400},
	CodeHostMalformed:      {"malformed authority", 400},
	CodeAuthorityMismatch:  {"Host field differs from the authority of the target", 400},
	CodeLengthMalformed:    {"malformed Content-Length", 400},
	CodeLengthDuplicate:    {"Content-Length given more than once", 400},
	CodeLengthDiffers:      {"differing Content-Length fields", 400},
	CodeLengthWithTE:       {"Content-Length with Transfer-Encoding", 400},
	CodeTransferEncoding:   {"ambiguous Transfer-Encoding", 400},
	CodeTransferCoding:     {"unknown transfer coding", 501},
	CodeConnection:         {"malformed or abusive Connection field", 400},
	CodeExpectation:        {"unknown expectation", 417},
	CodeChunkSize:          {"malformed chunk size", 400},
	CodeChunkExt:           {"malformed or excessive chunk extensions", 400},
	CodeChunkTerminator:    {"chunk data not followed by CRLF", 400},
	CodeTrailer:            {"malformed trailer section", 400},
	CodeTrailerTooLarge:    {"trailer section too large", 431},
}

// Error returns the rule in words: a constant string.
func (c Code) Error() string {
	if c >= numCodes {
		return "unknown code"
	}
	return codes[c].text
}

// String is Error.
func (c Code) String() string { return c.Error() }

// Status is the status that answers a request which broke the rule: 400, 414, 417,
// 431, 501 or 505; 0 for CodeOK. A response that broke one is a 502, whichever.
func (c Code) Status() int {
	if c >= numCodes {
		return 400
	}
	return codes[c].status
}
