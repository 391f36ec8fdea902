package session

import "fmt"

// phase is where a session is in its life. The zero value is invalid on purpose:
// an empty cell of the table then means "this cannot happen here".
type phase uint8

const (
	phaseInvalid   phase = iota
	phaseProxy           // a PROXY header is to come first
	phaseSniff           // the first bytes decide what is spoken
	phaseHandshake       // TLS begins
	phaseHead            // collecting a request head
	phaseDial            // cluster known, waiting for an upstream connection
	phaseExchange        // request and response in flight
	phaseTunnel          // opaque bytes both ways
	phaseIdle            // keep-alive, between two requests, no buffer held
	phaseClosing         // the last bytes go out, what comes in is discarded
	phaseClosed
	numPhases
)

var phaseNames = [numPhases]string{"invalid", "proxy", "sniff", "handshake", "head", "dial", "exchange", "tunnel", "idle", "closing", "closed"}

func (p phase) String() string { return phaseNames[p] }

// event is a fact that moves a session from one phase to another.
type event uint8

const (
	evSniff     event = iota // what is spoken is still to be found out
	evHello                  // a ClientHello is complete, and TLS ends here
	evHTTP                   // HTTP is spoken
	evOpaque                 // no HTTP is spoken, and a cluster is known
	evRefused                // the connection is refused before anything was exchanged
	evBytes                  // the first bytes of a further request came
	evHead                   // a request head is complete and has a cluster to go to
	evConnected              // the request has its upstream connection
	evRetry                  // that connection failed and another is to be tried
	evAnswered               // weir wrote a whole response itself
	evPiped                  // opaque bytes have their upstream connection
	evSwitched               // the endpoint answered 101 and the handshake is valid
	evDone                   // the exchange is complete and the connection is kept
	evDoneClose              // the exchange is complete and the connection is not kept
	evTimeout                // the deadline of the phase passed
	evDrain                  // the process wants to end
	evFlushed                // the last byte went out and the client knows it was the last
	evCut                    // nothing more can be said: the connection is cut, visibly
	evGone                   // the client left, or both directions of a tunnel ended
	numEvents
)

var eventNames = [numEvents]string{
	"sniff", "hello", "http", "opaque", "refused",
	"bytes", "head", "connected", "retry", "answered", "piped", "switched", "done", "done_close", "timeout", "drain", "flushed", "cut", "gone",
}

func (e event) String() string { return eventNames[e] }

// transitions is the whole life of a session. Nothing but on assigns Session.phase.
var transitions = [numPhases][numEvents]phase{
	phaseProxy: {
		evSniff: phaseSniff, evHTTP: phaseHead,
		evTimeout: phaseClosed, evDrain: phaseProxy, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseSniff: {
		evHello: phaseHandshake, evHTTP: phaseHead, evOpaque: phaseDial, evAnswered: phaseExchange, evRefused: phaseClosing,
		evTimeout: phaseClosed, evDrain: phaseSniff, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseHandshake: {
		evSniff: phaseSniff, evHTTP: phaseHead, evRefused: phaseClosing,
		evTimeout: phaseClosed, evDrain: phaseHandshake, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseHead: {
		evHead: phaseDial, evAnswered: phaseExchange,
		evTimeout: phaseClosed, evDrain: phaseHead, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseDial: {
		evConnected: phaseExchange, evPiped: phaseTunnel, evRetry: phaseDial, evAnswered: phaseExchange,
		evTimeout: phaseDial, evDrain: phaseDial, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseExchange: {
		evDone: phaseIdle, evDoneClose: phaseClosing, evSwitched: phaseTunnel, evRetry: phaseDial, evAnswered: phaseExchange,
		evTimeout: phaseExchange, evDrain: phaseExchange, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseTunnel: {
		evTimeout: phaseClosed, evDrain: phaseTunnel, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseIdle: {
		evBytes:   phaseHead,
		evTimeout: phaseClosed, evDrain: phaseClosed, evCut: phaseClosed, evGone: phaseClosed,
	},
	phaseClosing: {
		evFlushed: phaseClosed,
		evTimeout: phaseClosed, evDrain: phaseClosing, evCut: phaseClosed, evGone: phaseClosed,
	},
}

// on applies ev. An event the table does not list is a bug in weir, never in a
// peer: the panic is caught at the top of the loop, counted, logged with both
// names, and costs this session only.
func (s *Session) on(ev event) {
	to := transitions[s.phase][ev]
	if to == phaseInvalid {
		panic(fmt.Sprintf("session: event %v in phase %v", ev, s.phase))
	}
	from := s.phase
	s.phase = to
	s.entered(from, ev)
}

// entered does what belongs to the phase itself, whatever led there: the moment
// its deadline counts from, and the end of everything in phaseClosed.
func (s *Session) entered(from phase, ev event) {
	// A handshake has one deadline, its ClientHello included.
	if from != s.phase && ev != evHello {
		s.since = s.w.now()
	}
	if s.w.debug {
		s.tellPhase(from, ev)
	}
	if s.phase == phaseClosed {
		s.release(ev)
	}
}
