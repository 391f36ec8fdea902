package http1

// Bounds of the chunked coding (RFC 9112 7.1).
const (
	maxChunkDigits   = 15      // fits an int64; leading zeros count
	maxChunkExtBytes = 256     // extensions of one chunk
	maxExcessBytes   = 4 << 10 // extensions of all chunks, beyond what data pays for
	maxTrailerBytes  = 8 << 10
	maxTrailerLines  = 64
)

// bodyPhase is where in the chunked coding the next byte is.
type bodyPhase uint8

const (
	chunkSize     bodyPhase = iota // digits of the size
	chunkExt                       // after ";"
	chunkSizeLF                    // LF of the size line
	chunkData                      //
	chunkDataCR                    // CR after the data
	chunkDataLF                    // LF after the data
	trailerStart                   // first byte of a trailer line, or CR of the last
	trailerName                    //
	trailerValue                   //
	trailerLF                      // LF of a trailer line
	trailerLastLF                  // LF of the empty line that ends the body
)

// chunked consumes framing bytes up to the first run of data, which it consumes
// too, or to the end of the body, a refusal, or the end of in.
func (d *BodyDecoder) chunked(in []byte) (data []byte, used int) {
	for used < len(in) {
		if d.phase == chunkData {
			n := int(min(int64(len(in)-used), d.left))
			data = in[used : used+n : used+n]
			if d.left -= int64(n); d.left == 0 {
				d.phase = chunkDataCR
			}
			return data, used + n
		}
		c := in[used]
		if d.phase < trailerStart {
			d.code = d.chunkByte(c)
		} else {
			d.code = d.trailerByte(c)
		}
		if d.code != CodeOK {
			return nil, used
		}
		used++
		if d.finished {
			return nil, used
		}
	}
	return nil, used
}

// chunkByte takes one byte of a chunk's framing.
//
// A line ends at CRLF and nothing else: a reader that took the LF of "5;\n" for the
// end of the line and one that did not would see different bodies. White space
// after the size, which RFC 9112 allows only before ";", is refused with them.
func (d *BodyDecoder) chunkByte(c byte) Code {
	switch d.phase {
	case chunkSize:
		return d.sizeByte(c)
	case chunkExt:
		if c == '\r' {
			d.phase = chunkSizeLF
			return CodeOK
		}
		if class[c]&isValue == 0 {
			return CodeChunkExt
		}
		if d.line++; d.line > maxChunkExtBytes {
			return CodeChunkExt
		}
		if d.excess++; d.excess > maxExcessBytes {
			return CodeChunkExt
		}
	case chunkSizeLF:
		if c != '\n' {
			return CodeChunkTerminator
		}
		d.startChunk()
	case chunkDataCR:
		if c != '\r' {
			return CodeChunkTerminator
		}
		d.phase = chunkDataLF
	case chunkDataLF:
		if c != '\n' {
			return CodeChunkTerminator
		}
		d.phase, d.digits, d.line = chunkSize, 0, 0
	}
	return CodeOK
}

// sizeByte takes one byte of a chunk size, or what follows it.
func (d *BodyDecoder) sizeByte(c byte) Code {
	if class[c]&isHex != 0 {
		if d.digits++; d.digits > maxChunkDigits {
			return CodeChunkSize
		}
		d.left = d.left<<4 | int64(hexValue(c))
		return CodeOK
	}
	if d.digits == 0 {
		return CodeChunkSize
	}
	switch c {
	case '\r':
		d.phase = chunkSizeLF
	case ';':
		d.phase = chunkExt
	default:
		return CodeChunkSize
	}
	return CodeOK
}

// startChunk begins the data of a chunk, or the trailer section after the last.
// Data pays for extensions: a sender may annotate real data, but not make weir read
// extensions without end for next to no data.
func (d *BodyDecoder) startChunk() {
	if d.left == 0 {
		d.phase = trailerStart
		return
	}
	d.phase = chunkData
	d.excess -= uint32(min(int64(d.excess), d.left))
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9
}

// trailerByte takes one byte of the trailer section, which is held to the grammar
// of fields and then dropped.
func (d *BodyDecoder) trailerByte(c byte) Code {
	if d.trailer++; d.trailer > maxTrailerBytes {
		return CodeTrailerTooLarge
	}
	switch d.phase {
	case trailerStart:
		if c == '\r' {
			d.phase = trailerLastLF
			return CodeOK
		}
		if class[c]&isToken == 0 {
			return CodeTrailer
		}
		if d.lines++; d.lines > maxTrailerLines {
			return CodeTrailerTooLarge
		}
		d.phase = trailerName
	case trailerName:
		if c == ':' {
			d.phase = trailerValue
		} else if class[c]&isToken == 0 {
			return CodeTrailer
		}
	case trailerValue:
		if c == '\r' {
			d.phase = trailerLF
		} else if class[c]&isValue == 0 {
			return CodeTrailer
		}
	case trailerLF:
		if c != '\n' {
			return CodeTrailer
		}
		d.phase = trailerStart
	case trailerLastLF:
		if c != '\n' {
			return CodeTrailer
		}
		d.finished = true
	}
	return CodeOK
}
