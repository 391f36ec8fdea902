package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// What a person sees who tries the handshake by hand.
func TestCurlUpgrade(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		c, _, _, err := ws.UpgradeHTTP(r, rw)
		if err != nil {
			return
		}
		_ = ws.WriteFrame(c, ws.NewTextFrame([]byte("welcome")))
		_ = c.Close()
	})
	w := start(t, oneCluster(backend))
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"handshake", []string{
			"--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
			"--header", "Sec-WebSocket-Version: 13", "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		}, []string{"HTTP/1.1 101 ", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "\r\n\r\n\x81\x07welcome"}},
		{"wrong version", []string{
			"--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
			"--header", "Sec-WebSocket-Version: 12", "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		}, []string{"HTTP/1.1 426 Upgrade Required\r\n", "Sec-WebSocket-Version: 13\r\n", "Weir-Error: websocket_version\r\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			var out, complaint bytes.Buffer
			// No proxy of the environment, and no end but the server's.
			cmd := exec.CommandContext(ctx, curl, append([]string{"--silent", "--show-error", "--include", "--no-buffer", "--http1.1", "--noproxy", "*", "http://" + w.addr + "/"}, tt.args...)...)
			cmd.Stdout, cmd.Stderr = &out, &complaint
			if err := cmd.Run(); err != nil {
				t.Logf("curl: %v %s", err, &complaint) // it may complain of a 101
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in %q", want, &out)
				}
			}
		})
	}
}
