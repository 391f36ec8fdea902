package http1

// Span is a byte range of the buffer that was parsed. An offset, not a slice: a
// parsed head survives the buffer being moved or grown and costs 4 bytes a range.
type Span struct{ Off, Len uint16 }

// Of returns the range inside buf, which must begin with the bytes that were
// parsed. The result aliases buf; its capacity ends with it.
func (s Span) Of(buf []byte) []byte {
	end := int(s.Off) + int(s.Len)
	return buf[s.Off:end:end]
}

func span(off, end int) Span { return Span{Off: uint16(off), Len: uint16(end - off)} }

// MaxHeadBytes is the largest Limits.HeadBytes: offsets must fit a Span.
const MaxHeadBytes = 61440

// Limits bounds a head. All three must be positive.
type Limits struct {
	HeadBytes   int // whole head, blank line included; more than MaxHeadBytes counts as MaxHeadBytes
	TargetBytes int // request target
	Fields      int // header fields
}

// DefaultLimits is what weir uses where nothing is configured.
var DefaultLimits = Limits{HeadBytes: 32 << 10, TargetBytes: 8 << 10, Fields: 128}
