package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"reflect"
	"unsafe"
)

// crypto/tls keeps the buffer that records are read into with the connection, as
// large as the largest record was: 18 KiB an idle connection after one full record,
// and nothing public lets go of it (go.dev/issue/43563). So the records are lent to
// it where they lie, and taken back once they are read: an idle connection holds no
// buffer, and nothing is copied on the way in.
//
// That reaches into unexported fields of tls.Conn: rawInput, input and hand, by
// name and type. Each is touched only between two calls of crypto/tls, by the owner
// of an open connection. If a release of Go has them no more, or if a connection to
// ourselves does not come through as it should (see Check), nothing is lent and
// everything works as before, with more memory.

// lending says whether records are lent. Set by init, and by Check before any loop
// runs.
var lending = len(fields.missing) == 0

// fields are the offsets in tls.Conn.
var fields = findFields()

type fieldOffsets struct {
	rawInput, input, hand uintptr
	missing               string
}

func findFields() (f fieldOffsets) {
	t := reflect.TypeFor[tls.Conn]()
	for _, want := range []struct {
		name   string
		typ    reflect.Type
		offset *uintptr
	}{
		{"rawInput", reflect.TypeFor[bytes.Buffer](), &f.rawInput},
		{"input", reflect.TypeFor[bytes.Reader](), &f.input},
		{"hand", reflect.TypeFor[bytes.Buffer](), &f.hand},
	} {
		field, ok := t.FieldByName(want.name)
		if !ok || field.Type != want.typ {
			f.missing = want.name
			return f
		}
		*want.offset = field.Offset
	}
	return f
}

func rawInput(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), fields.rawInput))
}

func input(c *tls.Conn) *bytes.Reader {
	return (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c), fields.input))
}

func hand(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), fields.hand))
}

// openLent lets crypto/tls decrypt the records where they are.
//
// Between two records it is asked only while there is more, since to find out that
// there is none would cost it an allocation.
func (c *Conn) openLent(p, records []byte) (n int, err error) {
	raw, plain := rawInput(c.tls), input(c.tls)
	*raw = *bytes.NewBuffer(records)
	for err == nil && raw.Len()+plain.Len() > 0 {
		if n == len(p) {
			err = io.ErrShortBuffer // the caller's mistake; a Read into nothing would go on for ever
			break
		}
		var got int
		got, err = c.tls.Read(p[n:])
		n += got
	}
	switch {
	case err == errWouldBlock && raw.Len() > 0:
		err = errNotWhole // it cannot be kept
	case err == errWouldBlock:
		err = nil
	}
	c.tidy()
	if err == nil && c.server && hand(c.tls).Len() > maxMessage {
		err = errMessageTooLong
	}
	return n, err
}

// maxMessage is how much of a handshake message an open connection keeps for a client
// that has sent a part of it. The only one a client may still send has 5 bytes;
// crypto/tls would gather 64 KiB of any.
const maxMessage = 256

var (
	errMessageTooLong = errors.New("tlsconn: a handshake message that no client sends when it is connected")
	errNotWhole       = errors.New("tlsconn: not a whole record")
)

// tidy takes the connection's buffers away: what was lent, and what the handshake has
// left behind. Something is left in them behind an error only. The connection is over
// then, and what was lent is somebody else's from here on.
func (c *Conn) tidy() {
	if !lending {
		return
	}
	input(c.tls).Reset(nil)
	*rawInput(c.tls) = bytes.Buffer{}
	if messages := hand(c.tls); messages.Len() == 0 {
		*messages = bytes.Buffer{}
	}
}
