// Package observe is what weir tells about itself: counters, the access log and
// the leveled log. Nothing in it blocks a loop: counters are single words, and
// log lines are handed to a writer's goroutine in blocks.
package observe

import (
	"sync/atomic"

	"weir/engine/fault"
)

// Counter is one number, written by one loop and read by anyone.
type Counter = atomic.Int64

// Counters are those of one loop. Gauges say so; all others only grow.
type Counters struct {
	Accepted     Counter // downstream connections
	AcceptErrors Counter // accepts that failed for want of descriptors or memory
	Shed         Counter // connections closed at once since the descriptor table was full
	Sessions     Counter // gauge: downstream connections open
	Exchanges    Counter // exchanges begun
	Active       Counter // gauge: exchanges in flight
	Tunnels      Counter // tunnels begun
	TunnelsOpen  Counter // gauge
	Handshakes   Counter // TLS handshakes with clients that succeeded
	Resumed      Counter // of these, those that resumed a session
	Dialled      Counter // upstream connections begun
	Reused       Counter // exchanges that took an idle upstream connection
	Idle         Counter // gauge: idle upstream connections
	Retries      Counter // requests sent again

	Endpoints        Counter // gauge: endpoints made of original destinations
	EndpointsAdded   Counter // of these
	EndpointsRemoved Counter
	PortFallbacks    Counter // connections for which the client's own port could not be had

	Panics        Counter // bugs caught at the top of the loop
	AccessDropped Counter // access log lines lost since the writer was too slow
	Faults        [fault.NumKinds]Counter
}

// Snapshot is the sum over loops, at about one moment.
type Snapshot struct {
	Accepted, AcceptErrors, Shed, Sessions, Exchanges, Active int64
	Handshakes, Resumed                                       int64
	HandshakesOpen                                            int64 // under way, with clients and endpoints
	Tunnels, TunnelsOpen, Dialled, Reused, Idle, Retries      int64
	Endpoints, EndpointsAdded, EndpointsRemoved               int64
	PortFallbacks                                             int64
	Panics, AccessDropped                                     int64
	Connections, Buffers, Held                                int64 // open; pooled buffers and slab values outstanding
	Faults                                                    [fault.NumKinds]int64
}

// AddTo adds the counters to s.
func (c *Counters) AddTo(s *Snapshot) {
	s.Accepted += c.Accepted.Load()
	s.AcceptErrors += c.AcceptErrors.Load()
	s.Shed += c.Shed.Load()
	s.Sessions += c.Sessions.Load()
	s.Exchanges += c.Exchanges.Load()
	s.Active += c.Active.Load()
	s.Tunnels += c.Tunnels.Load()
	s.TunnelsOpen += c.TunnelsOpen.Load()
	s.Handshakes += c.Handshakes.Load()
	s.Resumed += c.Resumed.Load()
	s.Dialled += c.Dialled.Load()
	s.Reused += c.Reused.Load()
	s.Idle += c.Idle.Load()
	s.Retries += c.Retries.Load()
	s.Endpoints += c.Endpoints.Load()
	s.EndpointsAdded += c.EndpointsAdded.Load()
	s.EndpointsRemoved += c.EndpointsRemoved.Load()
	s.PortFallbacks += c.PortFallbacks.Load()
	s.Panics += c.Panics.Load()
	s.AccessDropped += c.AccessDropped.Load()
	for k := range c.Faults {
		s.Faults[k] += c.Faults[k].Load()
	}
}
