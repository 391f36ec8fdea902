package http1

// FieldID names the fields that weir looks at, so that finding one compares bytes
// instead of strings. There are fewer than 64: a set of them is a bit mask.
type FieldID uint8

// FieldUnknown is every field that is not named here.
const (
	FieldUnknown FieldID = iota
	FieldHost
	FieldContentLength
	FieldTransferEncoding
	FieldConnection
	FieldKeepAlive
	FieldProxyConnection
	FieldTE
	FieldTrailer
	FieldUpgrade
	FieldExpect
	FieldVia
	FieldXForwardedFor
	FieldXForwardedProto
	FieldXForwardedHost
	FieldXRequestID
	FieldForwarded
	FieldAuthorization
	FieldCookie
	FieldSetCookie
	FieldProxyAuthorization
	FieldProxyAuthenticate
	FieldDate
	FieldServer
	FieldUserAgent
	FieldReferer
	FieldOrigin
	FieldContentType
	FieldLocation
	FieldSecWebSocketKey
	FieldSecWebSocketVersion
	FieldSecWebSocketProtocol
	FieldSecWebSocketExtensions
	FieldSecWebSocketAccept
	FieldHTTP2Settings
	numFieldIDs
)

// fieldNames holds each name in lower case.
var fieldNames = [numFieldIDs]string{
	FieldHost:                   "host",
	FieldContentLength:          "content-length",
	FieldTransferEncoding:       "transfer-encoding",
	FieldConnection:             "connection",
	FieldKeepAlive:              "keep-alive",
	FieldProxyConnection:        "proxy-connection",
	FieldTE:                     "te",
	FieldTrailer:                "trailer",
	FieldUpgrade:                "upgrade",
	FieldExpect:                 "expect",
	FieldVia:                    "via",
	FieldXForwardedFor:          "x-forwarded-for",
	FieldXForwardedProto:        "x-forwarded-proto",
	FieldXForwardedHost:         "x-forwarded-host",
	FieldXRequestID:             "x-request-id",
	FieldForwarded:              "forwarded",
	FieldAuthorization:          "authorization",
	FieldCookie:                 "cookie",
	FieldSetCookie:              "set-cookie",
	FieldProxyAuthorization:     "proxy-authorization",
	FieldProxyAuthenticate:      "proxy-authenticate",
	FieldDate:                   "date",
	FieldServer:                 "server",
	FieldUserAgent:              "user-agent",
	FieldReferer:                "referer",
	FieldOrigin:                 "origin",
	FieldContentType:            "content-type",
	FieldLocation:               "location",
	FieldSecWebSocketKey:        "sec-websocket-key",
	FieldSecWebSocketVersion:    "sec-websocket-version",
	FieldSecWebSocketProtocol:   "sec-websocket-protocol",
	FieldSecWebSocketExtensions: "sec-websocket-extensions",
	FieldSecWebSocketAccept:     "sec-websocket-accept",
	FieldHTTP2Settings:          "http2-settings",
}

// String returns the name in lower case, "" for FieldUnknown.
func (id FieldID) String() string {
	if id >= numFieldIDs {
		return ""
	}
	return fieldNames[id]
}

// Field is one header field line. Value is without the white space around it.
type Field struct {
	Name, Value Span
	ID          FieldID
	// Hop marks a field for this connection only, which must not be forwarded
	// (RFC 9110 7.6.1): one of the standard set, or named by Connection.
	Hop bool
}

// fieldSet is a set of FieldIDs.
type fieldSet uint64

func setOf(ids ...FieldID) (s fieldSet) {
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

func (s fieldSet) has(id FieldID) bool { return s>>id&1 != 0 }

// hopFields are hop-by-hop wherever they appear. Trailer is one because trailers
// are dropped; the Proxy-* pair because weir is the proxy they would be meant for,
// and a credential must not travel on to an endpoint.
var hopFields = setOf(FieldConnection, FieldKeepAlive, FieldProxyConnection, FieldTE, FieldTrailer,
	FieldTransferEncoding, FieldUpgrade, FieldHTTP2Settings, FieldProxyAuthenticate, FieldProxyAuthorization)

// fieldIndex finds the only name that can equal a given one. A test proves that no
// two names share a slot.
var fieldIndex = func() (index [256]FieldID) {
	for id := FieldHost; id < numFieldIDs; id++ {
		name := fieldNames[id]
		index[fieldSlot(len(name), name[0], name[len(name)-1], name[len(name)/2])] = id
	}
	return index
}()

// fieldSlot mixes length and three bytes, letter case ignored.
func fieldSlot(n int, first, last, mid byte) uint8 {
	return uint8(n)*slotLen + (first|0x20)*slotFirst + (last|0x20)*slotLast + (mid|0x20)*slotMid
}

// Factors of fieldSlot, chosen so that the known names do not collide.
const (
	slotLen   = 1
	slotFirst = 1
	slotLast  = 1
	slotMid   = 8
)

// fieldIDOf names the field called name, which is not empty.
func fieldIDOf(name []byte) FieldID {
	n := len(name)
	id := fieldIndex[fieldSlot(n, name[0], name[n-1], name[n/2])]
	if id != FieldUnknown && EqualFold(name, fieldNames[id]) {
		return id
	}
	return FieldUnknown
}

// Find returns the index of the first field called id, or -1.
func Find(fields []Field, id FieldID) int {
	for i := range fields {
		if fields[i].ID == id {
			return i
		}
	}
	return -1
}

// FindName returns the index of the first field whose name equals name, letter
// case ignored, or -1. buf is the buffer that was parsed.
func FindName(buf []byte, fields []Field, name string) int {
	for i := range fields {
		if int(fields[i].Name.Len) == len(name) && equalFoldString(fields[i].Name.Of(buf), name) {
			return i
		}
	}
	return -1
}
