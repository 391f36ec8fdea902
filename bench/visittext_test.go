package bench

import (
	"bytes"
	"testing"
)

// What handshakes, connections of their own and pings look like to a person.
func TestVisitsAndPingsGolden(t *testing.T) {
	handshake := sample()
	handshake.Kind, handshake.Connections, handshake.Active, handshake.Failed, handshake.Lost, handshake.Reconnects = "handshake", 64, 64, 0, 0, 0
	request := sample()
	request.Kind, request.URL, request.NewConnections, request.Rate = "http", "http://127.0.0.1:8080/", true, 0
	pings := sample()
	pings.Kind, pings.PingSeconds, pings.Alive = "idle", 30, 0
	verified := sample()
	verified.Kind, verified.PingSeconds, verified.Alive = "idle", 0.5, 8999
	var text bytes.Buffer
	for _, r := range []*Result{handshake, request, pings, verified} {
		r.WriteText(&text)
	}
	golden(t, "testdata/visits.txt", text.Bytes())
}
