package micro

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"testing"

	"weir/codec/http1"
)

// chunked is size bytes of body in chunks of chunk bytes.
func chunked(size, chunk int) (in, body []byte) {
	for i := range size {
		body = append(body, byte(i%251))
	}
	for rest := body; len(rest) > 0; {
		n := min(chunk, len(rest))
		in = http1.AppendChunk(in, rest[:n])
		rest = rest[n:]
	}
	return http1.AppendLastChunk(in), body
}

var errUnfinished = errors.New("the body does not end where the input does")

// decoder strips the coding of a whole body and calls take for each piece.
type decoder struct {
	name   string
	decode func(in []byte, take func([]byte)) error
}

// decoders are made once for many bodies.
func decoders(size int) []decoder {
	var (
		buf    = make([]byte, 0, size)
		out    = make([]byte, 32<<10)
		source bytes.Reader
		reader = bufio.NewReaderSize(nil, 32<<10)
	)
	return []decoder{{
		"weir", func(in []byte, take func([]byte)) error {
			buf = append(buf[:0], in...)
			var d http1.BodyDecoder
			d.Init(http1.BodyChunked, 0)
			rest := buf
			for !d.Done() {
				data, used, _, code := d.Next(rest)
				if code != http1.CodeOK {
					return code
				}
				if used == 0 {
					return errUnfinished
				}
				take(data)
				rest = rest[used:]
			}
			if len(rest) > 0 {
				return errUnfinished
			}
			return nil
		},
	}, {
		"httputil", func(in []byte, take func([]byte)) error {
			r := httputil.NewChunkedReader(refill(in, &source, reader))
			for {
				n, err := r.Read(out)
				take(out[:n])
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
			}
		},
	}}
}

var chunkedInputs = []struct {
	name        string
	size, chunk int
}{
	{"chunks-128B", 16 << 10, 128},
	{"chunks-4KiB", 64 << 10, 4 << 10},
}

func TestChunkedAgree(t *testing.T) {
	for _, c := range chunkedInputs {
		in, body := chunked(c.size, c.chunk)
		for _, d := range decoders(len(in)) {
			var got []byte
			take := func(data []byte) { got = append(got, data...) }
			if err := d.decode(in, take); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s of %s: %d bytes of %d, %v", d.name, c.name, len(got), len(body), err)
			}
			if err := d.decode(in[:len(in)-5], take); err == nil {
				t.Errorf("%s takes a body that is cut short", d.name)
			}
			if err := d.decode([]byte("5x\r\nhello\r\n0\r\n\r\n"), take); err == nil {
				t.Errorf("%s takes a size that is none", d.name)
			}
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	for _, c := range chunkedInputs {
		in, body := chunked(c.size, c.chunk)
		for _, d := range decoders(len(in)) {
			b.Run(c.name+"/"+d.name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				got := 0
				take := func(data []byte) { got += len(data) }
				for b.Loop() {
					got = 0
					if err := d.decode(in, take); err != nil || got != len(body) {
						b.Fatal(got, err)
					}
				}
			})
		}
	}
}
