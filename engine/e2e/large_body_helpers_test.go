package e2e

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"testing"
)

// largeBody is far more than weir passes without the kernel's help, and than
// kernel buffers hide.
const largeBody = 64 << 20

// ribbon is a long stream that repeats itself, but never where a page, a buffer or
// a pipe does.
var ribbon = pattern(21, 1<<20+4099)

// sendRibbon writes the first size bytes of the stream, and returns how many went.
func sendRibbon(w io.Writer, size int64) (sent int64, err error) {
	for sent < size && err == nil {
		at := sent % int64(len(ribbon))
		n := min(int64(len(ribbon))-at, size-sent, 300_000)
		var took int
		took, err = w.Write(ribbon[at : at+n])
		sent += int64(took)
	}
	return sent, err
}

// ribbonSum is the hash of what sendRibbon sends.
func ribbonSum(size int64) string {
	h := sha256.New()
	_, _ = sendRibbon(h, size)
	return sumOf(h)
}

func sumOf(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }

// requireRibbon demands that r gives the first size bytes of the stream.
func requireRibbon(t *testing.T, r io.Reader, size int64) {
	t.Helper()
	h := sha256.New()
	if n, err := io.CopyN(h, r, size); err != nil {
		t.Fatalf("%d of %d bytes, %v", n, size, err)
	}
	if sumOf(h) != ribbonSum(size) {
		t.Fatalf("the %d bytes are not those that were sent", size)
	}
}

// ended gives how a connection ends, behind whatever still comes.
func ended(c *net.TCPConn) error {
	_, err := io.Copy(io.Discard, onlyReader{c})
	return err
}
