package e2e

import (
	"io"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// Renegotiation, which TLS 1.2 allows a client to ask for at any time, is refused: it
// costs the server a handshake, and has been a way to put words into a session.
func TestTLSRenegotiationIsRefused(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	cmd, in, out := w.openssl(ca, "-tls1_2")
	must(t, second(io.WriteString(in, "R\n")))
	if !poll(func() bool { return w.stats().Sessions == 0 }) {
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
	_ = in.Close()
	if !strings.Contains(out.String(), "RENEGOTIATING") || !strings.Contains(out.String(), "alert") {
		t.Errorf("openssl said\n%s", out.String())
	}
	w.requireFault(fault.TLSRecord, 1)
	w.stop()
	if line := w.lines("refused", 1)[0]; line["fault"] != "tls_record" || line["closed_by"] != "client" || line["detail"] == nil {
		t.Errorf("access log: %v", line)
	}
}
