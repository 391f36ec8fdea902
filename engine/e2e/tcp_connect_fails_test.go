package e2e

import (
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/fault"
)

const hasty = "timeouts = { connect = \"60ms\" }"

// A client whose endpoint cannot be reached is cut off, and the log says why.
func TestTCPConnectFails(t *testing.T) {
	tests := []struct {
		name  string
		addr  func(*testing.T) string
		fault fault.Kind
	}{
		{"refused", deadAddr, fault.NoEndpoint},
		{"timeout", blackhole, fault.ConnectTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := tt.addr(t)
			w := start(t, mainCluster(addr, hasty), opaqueEdge)
			c, err := net.Dial("tcp", w.addr) // the reset may be faster than its return
			if err == nil {
				_ = c.SetDeadline(time.Now().Add(deadline))
				_, err = c.Read(make([]byte, 1))
				_ = c.Close()
			}
			if !isReset(err) {
				t.Errorf("the client saw %v; want a reset", err)
			}
			line := w.opaqueLines(1)[0]
			want := opaqueLine{
				Kind: "tunnel", Client: line.Client, Listener: "edge", Cluster: "main", Endpoint: addr,
				Fault: tt.fault.String(), Side: "upstream", ClosedBy: "weir", Duration: line.Duration,
			}
			if line != want {
				t.Errorf("log line %+v, want %+v", line, want)
			}
			if n := w.stats().Faults[tt.fault]; n != 1 {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

// The next endpoint is tried, whatever the client has said meanwhile: also if it was
// all it had to say.
func TestTCPNextEndpointIsTried(t *testing.T) {
	tests := []struct {
		name string
		bad  func(*testing.T) string
		say  string
		end  bool
	}{
		{"silence, refused", deadAddr, "", false},
		{"silence, timeout", blackhole, "", false},
		{"words", blackhole, "hello", false},
		{"words and a FIN", blackhole, "hello", true},
		{"a FIN alone", blackhole, "", true},
		{"more than is held ahead", blackhole, string(pattern(3, 300<<10)), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			good := greeting(t, "welcome")
			w := start(t, oneLoop+clusterOf("main", []string{tt.bad(t), good}, hasty), opaqueEdge)
			c := w.dial()
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(c, tt.say)
				if tt.end && err == nil {
					err = c.CloseWrite()
				}
				sent <- err
			}()
			requireBytes(t, c, []byte("welcome\n"+tt.say))
			if err := receive(t, sent); err != nil {
				t.Error(err)
			}
			_ = c.CloseWrite()
			if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
				t.Errorf("instead of an end: %q, %v", rest, err)
			}
			if n := w.stats().Retries; n != 1 {
				t.Errorf("%d retries, want 1", n)
			}
			line := w.opaqueLines(1)[0]
			if line.Endpoint != good || line.Fault != "" || line.BytesIn != int64(len(tt.say)) || line.ClosedBy != "client" {
				t.Errorf("log line %+v", line)
			}
		})
	}
}

// A client that resets while weir connects takes the connect with it.
func TestTCPClientResetsWhileConnecting(t *testing.T) {
	w := start(t, mainCluster(blackhole(t)), opaqueEdge)
	c := w.dial()
	w.eventually("the connect is under way", func() bool { return w.stats().Connections == 2 })
	reset(c)
	w.eventually("both connections are gone", func() bool { return w.stats().Connections == 0 })
	line := w.opaqueLines(1)[0]
	if line.Kind != "tunnel" || line.Fault != "client_reset" || line.ClosedBy != "client" || line.Cluster != "main" {
		t.Errorf("log line %+v", line)
	}
}
