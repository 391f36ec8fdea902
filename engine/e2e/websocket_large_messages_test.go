package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	coder "github.com/coder/websocket"
)

// Messages far larger than weir's buffers cross each other in one tunnel, and
// between them small ones, byte for byte.
func TestLargeWebSocketMessagesBothWaysAtOnce(t *testing.T) {
	for _, size := range []int{1 << 20, 16 << 20} {
		t.Run(fmt.Sprint(size>>20, " MiB"), func(t *testing.T) {
			messages := [][]byte{[]byte("first"), pattern(31, size), []byte("between"), pattern(32, size+1), {}, []byte("last")}
			talk := func(ctx context.Context, c *coder.Conn) error {
				c.SetReadLimit(int64(size) + 1024)
				wrote := make(chan error, 1)
				go func() {
					for _, m := range messages {
						if err := c.Write(ctx, coder.MessageBinary, m); err != nil {
							wrote <- err
							return
						}
					}
					wrote <- nil
				}()
				for i, m := range messages {
					kind, got, err := c.Read(ctx)
					if err != nil || kind != coder.MessageBinary || !bytes.Equal(got, m) {
						return fmt.Errorf("message %d: %v, %d of %d bytes, %w", i, kind, len(got), len(m), err)
					}
				}
				return <-wrote
			}
			said := make(chan error, 1)
			backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
				c, err := coder.Accept(rw, r, nil)
				if err != nil {
					said <- err
					return
				}
				defer func() { _ = c.CloseNow() }()
				err = talk(r.Context(), c)
				said <- err
				_, _, _ = c.Read(r.Context()) // the client closes
			})
			w := start(t, oneCluster(backend))
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			c, _, err := coder.Dial(ctx, "ws://"+w.addr+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := talk(ctx, c); err != nil {
				t.Errorf("the client: %v", err)
			}
			if err := receive(t, said); err != nil {
				t.Errorf("the endpoint: %v", err)
			}
			if err := c.Close(coder.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
			line := w.onlyLine()
			if all := int64(2 * size); line.BytesIn < all || line.BytesIn > all+2000 || line.BytesOut < all || line.BytesOut > all+2000 || line.Fault != "" {
				t.Errorf("access log: %+v", line)
			}
		})
	}
}
