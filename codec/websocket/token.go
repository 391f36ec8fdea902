package websocket

// HasToken reports whether list, the value of a field such as Connection or
// Upgrade, has the token lower as an element, whatever its ASCII case. lower must
// be in lower case. Elements that are not tokens are passed over: what else a peer
// lists is not the question here.
func HasToken(list []byte, lower string) bool {
	for len(list) > 0 {
		var element []byte
		element, list = cutElement(list)
		if equalFold(element, lower) {
			return true
		}
	}
	return false
}

// SubprotocolOffered reports whether chosen, the Sec-WebSocket-Protocol of a
// response, is one token that occurs in offer, that of the request (RFC 6455 4.1).
// Names are compared byte by byte. A field given several times is passed joined
// by commas; a response that does that is thereby refused.
func SubprotocolOffered(offer, chosen []byte) bool {
	for _, c := range chosen {
		if !isToken(c) {
			return false
		}
	}
	for len(chosen) > 0 && len(offer) > 0 {
		var element []byte
		element, offer = cutElement(offer)
		if string(element) == string(chosen) {
			return true
		}
	}
	return false
}

// cutElement returns the first element of a comma list without the whitespace
// around it, and what follows its comma.
func cutElement(list []byte) (element, rest []byte) {
	i := 0
	for i < len(list) && list[i] != ',' {
		i++
	}
	element = list[:i]
	if i < len(list) {
		rest = list[i+1:]
	}
	for len(element) > 0 && (element[0] == ' ' || element[0] == '\t') {
		element = element[1:]
	}
	for n := len(element); n > 0 && (element[n-1] == ' ' || element[n-1] == '\t'); n = len(element) {
		element = element[:n-1]
	}
	return element, rest
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
