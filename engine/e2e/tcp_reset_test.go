package e2e

import (
	"io"
	"testing"
)

// A reset of either side arrives at the other as one, TLS or not: an orderly end
// would hide that bytes were lost.
func TestTCPResetGoesThrough(t *testing.T) {
	for _, form := range tcpForms {
		for _, by := range []string{"client", "endpoint"} {
			t.Run(form.name+", from the "+by, func(t *testing.T) {
				seen := make(chan error, 1)
				w, dial := startTCPForm(t, form.front, form.back, func(c opaqueConn) {
					word := make([]byte, 5)
					if _, err := io.ReadFull(c, word); err != nil {
						seen <- err
						return
					}
					if by == "endpoint" {
						reset(tcpOf(c))
						seen <- nil
						return
					}
					_, _ = c.Write(word)
					_, err := c.Read(word)
					seen <- err
				})
				c := dial()
				if _, err := io.WriteString(c, "hello"); err != nil {
					t.Fatal(err)
				}
				if by == "client" {
					requireBytes(t, c, []byte("hello"))
					reset(tcpOf(c))
					if err := receive(t, seen); !isReset(err) {
						t.Errorf("the endpoint saw %v, want a reset", err)
					}
				} else {
					_ = receive(t, seen)
					if n, err := c.Read(make([]byte, 5)); !isReset(err) {
						t.Errorf("the client saw %d bytes, %v; want a reset", n, err)
					}
				}
				if line := w.opaqueLines(1)[0]; line.Fault != "tunnel_reset" || line.ClosedBy != by {
					t.Errorf("log line %+v; want tunnel_reset by %s", line, by)
				}
			})
		}
	}
}
