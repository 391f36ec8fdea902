package tlshello

// reader walks a TLS structure (RFC 8446 3). A read that does not fit takes nothing,
// returns zero, and makes bad true for good: one look at the end covers all reads.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() int {
	if b := r.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (r *reader) u16() int {
	if b := r.take(2); b != nil {
		return int(b[0])<<8 | int(b[1])
	}
	return 0
}

// vector8 reads a vector whose length is in one byte; vector16, in two.
func (r *reader) vector8() []byte  { return r.take(r.u8()) }
func (r *reader) vector16() []byte { return r.take(r.u16()) }

// done reports whether everything fitted and nothing is left.
func (r *reader) done() bool { return !r.bad && len(r.rest) == 0 }
