package http1

// Method is a request method that weir knows by name. Methods are case-sensitive
// (RFC 9110 9.1): "get" is MethodOther.
type Method uint8

// The methods of RFC 9110 9.3, and PATCH of RFC 5789.
const (
	MethodOther Method = iota
	MethodGET
	MethodHEAD
	MethodPOST
	MethodPUT
	MethodDELETE
	MethodCONNECT
	MethodOPTIONS
	MethodTRACE
	MethodPATCH
	numMethods
)

var methodNames = [numMethods]string{
	"other", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
}

// maxMethodBytes bounds a method name, so that a request line has a bound too.
const maxMethodBytes = 32

// String returns the name of m, "other" for MethodOther.
func (m Method) String() string {
	if m >= numMethods {
		return methodNames[MethodOther]
	}
	return methodNames[m]
}

// Idempotent reports whether RFC 9110 9.2.2 allows the request to be sent again
// when it is not known whether it was carried out. False for unknown methods.
func (m Method) Idempotent() bool {
	switch m {
	case MethodGET, MethodHEAD, MethodPUT, MethodDELETE, MethodOPTIONS, MethodTRACE:
		return true
	}
	return false
}

// methodOf names b, which is any token.
func methodOf(b []byte) Method {
	switch string(b) {
	case "GET":
		return MethodGET
	case "HEAD":
		return MethodHEAD
	case "POST":
		return MethodPOST
	case "PUT":
		return MethodPUT
	case "DELETE":
		return MethodDELETE
	case "CONNECT":
		return MethodCONNECT
	case "OPTIONS":
		return MethodOPTIONS
	case "TRACE":
		return MethodTRACE
	case "PATCH":
		return MethodPATCH
	}
	return MethodOther
}
