package proxyproto

import (
	"bytes"
	"net/netip"
)

// parseV1 parses a line that begins with the signature (2.1).
func parseV1(buf []byte, h *Header) (n int, code Code) {
	end, code := findLineEnd(buf)
	if end == 0 {
		return 0, code
	}
	h.Version = 1
	if code = parseLine(buf[len(signatureV1):end-2], h); code != CodeOK {
		return 0, code
	}
	return end, CodeOK
}

// findLineEnd returns the length of the line, CRLF included; 0 with CodeOK if its end
// has yet to come.
func findLineEnd(buf []byte) (int, Code) {
	line := buf[:min(len(buf), MaxV1Bytes)]
	cr, lf := bytes.IndexByte(line, '\r'), bytes.IndexByte(line, '\n')
	switch unfinished := len(line) < MaxV1Bytes; {
	case lf >= 0 && (cr < 0 || lf < cr):
		return 0, CodeLineEnd
	case cr < 0 || cr+1 == len(line):
		if unfinished {
			return 0, CodeOK
		}
		return 0, CodeLineTooLong
	case line[cr+1] != '\n':
		return 0, CodeLineEnd
	}
	return cr + 2, CodeOK
}

// parseLine parses what is between the signature and the end of the line.
func parseLine(line []byte, h *Header) Code {
	protocol, line, more := cutWord(line)
	parse := parseIPv4
	switch string(protocol) {
	case "UNKNOWN":
		return CodeOK // whatever follows is ignored
	case "TCP4":
	case "TCP6":
		parse = parseIPv6
	default:
		return CodeLine
	}
	var words [4][]byte
	for i := range words {
		if !more {
			return CodeLine
		}
		words[i], line, more = cutWord(line)
	}
	if more {
		return CodeLine
	}
	source, ok1 := parse(words[0])
	destination, ok2 := parse(words[1])
	if !ok1 || !ok2 {
		return CodeAddress
	}
	sourcePort, ok1 := parseDecimal(words[2], 1<<16-1)
	destinationPort, ok2 := parseDecimal(words[3], 1<<16-1)
	if !ok1 || !ok2 {
		return CodePort
	}
	h.Source = netip.AddrPortFrom(source, uint16(sourcePort))
	h.Destination = netip.AddrPortFrom(destination, uint16(destinationPort))
	return CodeOK
}

// cutWord cuts line at its first space; more tells if there is one.
func cutWord(line []byte) (word, rest []byte, more bool) {
	for i, c := range line {
		if c == ' ' {
			return line[:i], line[i+1:], true
		}
	}
	return line, nil, false
}
