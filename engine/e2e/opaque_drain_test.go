package e2e

import (
	"crypto/tls"
	"io"
	"testing"

	"weir/engine/tlstest"
)

// SIGTERM ends what has not begun, and lets what has begun come to its end.
func TestDrainBeforeTheProtocolIsKnown(t *testing.T) {
	ca := tlstest.New(t)
	ends := endingTLS(ca.Issue([]string{"a.test"}))
	hello := string(helloRecord(t, &tls.Config{ServerName: "a.test"}))
	proxied := proxyFrom("required", `"127.0.0.1"`)
	long := "[engine]\ndrain_timeout = \"1h\"\n[listeners.edge.timeouts]\nsniff = \"1h\"\nhandshake = \"1h\"\n"
	for _, tt := range []struct{ name, edge, tables string }{
		{"PROXY header", opaqueEdge, proxied},
		{"passthrough", passthroughEdge, ""},
		{"TLS ended", opaqueEdge, ends},
		{"https", "", ends},
		{"auto", autoEdge, ""},
	} {
		t.Run("silence, "+tt.name, func(t *testing.T) {
			w := start(t, long+tt.tables+mainCluster(deadAddr(t)), tt.edge)
			c := w.dial()
			w.eventually("it is accepted", func() bool { return w.stats().Sessions == 1 })
			w.cancel()
			requireCut(t, c)
			w.stop()
		})
	}
	for _, tt := range []struct{ name, edge, tables, say string }{
		{"PROXY header", opaqueEdge, proxied, v1of4 + "words"},
		{"ClientHello", passthroughEdge, "", hello},
		{"behind a PROXY header", passthroughEdge, proxied, v1of4 + hello},
		{"a word", autoEdge, "", "HELO there\r\n"},
	} {
		t.Run("half a "+tt.name, func(t *testing.T) {
			w := start(t, long+tt.tables+mainCluster(greeting(t, "main")), tt.edge)
			c := w.dial()
			cut := 4
			if _, err := io.WriteString(c, tt.say[:cut]); err != nil {
				t.Fatal(err)
			}
			w.eventually("it is held", func() bool { return w.stats().Buffers == 1 })
			w.cancel()
			w.eventually("the door is shut", func() bool { return !accepts(w.addr) })
			if _, err := io.WriteString(c, tt.say[cut:]); err != nil {
				t.Fatal(err)
			}
			requireBytes(t, c, []byte("main\n"))
			_ = c.Close()
			w.stop()
		})
	}
}
