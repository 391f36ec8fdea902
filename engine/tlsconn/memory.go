package tlsconn

import (
	"encoding/binary"
	"net"
	"time"
)

// conn is what crypto/tls wants of a socket.
type conn = net.Conn

// wouldBlock says that there are no bytes now. crypto/tls keeps an error for ever
// unless it is a net.Error whose Temporary says true; that is not documented, and
// TestReadGoesOnAfterWouldBlock is what notices if it changes.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "tlsconn: no bytes now" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var errWouldBlock net.Error = wouldBlock{}

// memory is the socket crypto/tls sees.
//
// It never gives a byte beyond the end of the record it is in: crypto/tls would keep
// what it was given, in a buffer twice the size, and the bytes behind a handshake
// could not be had back.
type memory struct {
	in    []byte              // records of an open connection
	out   Sink                // where an open connection writes to
	hs    *handshake          // not nil: in and out are those of the handshake
	yield func(struct{}) bool // suspends the handshake
	left  uint16              // what is to come of the current record
	have  uint8               // of its header
	head  [recordHeaderBytes]byte
}

func (m *memory) Read(p []byte) (int, error) {
	in := &m.in
	if m.hs != nil {
		in = &m.hs.in
	}
	for len(*in) == 0 {
		if m.yield == nil {
			return 0, errWouldBlock
		}
		if !m.yield(struct{}{}) {
			return 0, ErrAborted
		}
	}
	n := m.withinRecord(*in, len(p))
	copy(p, (*in)[:n])
	*in = (*in)[n:]
	return n, nil
}

// withinRecord is how many bytes of in, at most most, belong to the current record.
func (m *memory) withinRecord(in []byte, most int) int {
	if m.left == 0 {
		n := min(len(in), most, recordHeaderBytes-int(m.have))
		copy(m.head[m.have:], in[:n])
		m.have += uint8(n)
		if m.have == recordHeaderBytes {
			m.left = binary.BigEndian.Uint16(m.head[3:])
			m.have = 0
		}
		return n
	}
	n := min(len(in), most, int(m.left))
	m.left -= uint16(n)
	return n
}

// Write takes everything: crypto/tls would never recover from less.
func (m *memory) Write(p []byte) (int, error) {
	switch {
	case m.hs != nil:
		m.hs.out = append(m.hs.out, p...)
	case m.out != nil:
		m.out.Ciphertext(p)
	}
	return len(p), nil
}

func (m *memory) Close() error                     { return nil }
func (m *memory) LocalAddr() net.Addr              { return nowhere{} }
func (m *memory) RemoteAddr() net.Addr             { return nowhere{} }
func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// nowhere is the address of memory. crypto/tls uses it only to name the sessions of
// clients that have no ServerName, which no configuration of weir lacks.
type nowhere struct{}

func (nowhere) Network() string { return "memory" }
func (nowhere) String() string  { return "memory" }
