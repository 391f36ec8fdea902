package session

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"

	"weir/engine/transport/transporttest"
)

// endpoint is one connection of a backend that answers as chance wills.
type endpoint struct {
	link  *wire
	id    int
	seen  string // received, not yet parsed
	out   string // to be sent
	skip  bool   // the request being received has been answered already
	after func() // what follows out
	once  bool   // out goes in one segment
	open  int    // serial of a response that FIN ends, however short
	ended bool
}

func (e *endpoint) step(w *world) {
	if e.link.Closed() || e.ended {
		return
	}
	if e.link.Pending() {
		if !w.polite && w.rnd.IntN(10) == 0 {
			w.tell("endpoint %d refuses", e.id)
			e.ended = true
			e.link.Refuse(syscall.ECONNREFUSED)
			return
		}
		e.link.Connect()
		return
	}
	e.absorb(w)
	switch r := w.rnd.IntN(40); {
	case r < 4:
		n := w.rnd.IntN(3) * size(w.rnd)
		w.tell("endpoint %d window %d", e.id, n)
		e.link.SetWindow(n)
	case r < 8:
		e.link.SetWindow(transporttest.Unlimited)
	case r == 8:
		e.link.Spurious()
	case r == 9 && !w.polite && w.rnd.IntN(4) == 0:
		w.tell("endpoint %d FIN", e.id)
		e.ended = true
		// TLS can tell such an end from one in order, and so can weir.
		inOrder := w.rnd.IntN(2) == 0
		if e.link.tls == nil || inOrder {
			w.whole[e.open] = anyLength
		}
		e.link.bye(inOrder)
	case r == 10 && !w.polite && w.rnd.IntN(4) == 0:
		w.tell("endpoint %d RST", e.id)
		e.ended = true
		e.link.ResetByPeer()
	case r == 11 && !w.polite && w.rnd.IntN(8) == 0:
		w.tell("endpoint %d breaks quietly", e.id)
		e.ended = true
		e.link.BreakQuietly(syscall.ECONNRESET)
	default:
		e.send(w, 1+size(w.rnd))
	}
}

func (e *endpoint) send(w *world, n int) {
	n = min(n, len(e.out))
	if e.once {
		n, e.once = len(e.out), false
	}
	piece := e.out[:n]
	e.out = e.out[n:]
	after := e.after
	if e.out != "" || after == nil {
		if n > 0 {
			w.tell("endpoint %d sends %d bytes", e.id, n)
			e.link.queue(piece)
		}
		e.link.push(len(e.link.raw))
		return
	}
	w.tell("endpoint %d sends the last %d bytes", e.id, n)
	e.after = nil
	if n > 0 {
		e.link.queue(piece)
	}
	e.link.push(len(e.link.raw))
	after()
}

// absorb parses what came as net/http does, and decides about the answer. A
// request is answered when it is complete, or now and then before.
func (e *endpoint) absorb(w *world) {
	e.seen += e.link.fresh()
	if e.out != "" || e.after != nil || e.ended || e.skip || !strings.Contains(e.seen, "\r\n\r\n") {
		return
	}
	src := strings.NewReader(e.seen)
	br := bufio.NewReader(src)
	req, err := http.ReadRequest(br)
	if err != nil {
		w.fail("the endpoint got %.2000q: %v", e.seen, err)
		return
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		if !w.polite && w.rnd.IntN(30) == 0 {
			e.answer(w, req)
			e.skip = true
		} else if req.Header.Get("Expect") != "" && w.rnd.IntN(4) == 0 {
			e.link.queue("HTTP/1.1 100 Continue\r\n\r\n")
			e.link.push(len(e.link.raw))
		}
		return
	}
	if n := req.Header.Get("X-Body"); w.polite && n != "" && n != fmt.Sprint(len(b)) {
		w.fail("the endpoint got %d of %s body bytes", len(b), n)
	}
	e.seen = e.seen[len(e.seen)-src.Len()-br.Buffered():]
	e.answer(w, req)
}

// answer makes a response. Its body repeats its serial number, and it names the
// client that weir says it is for.
func (e *endpoint) answer(w *world, req *http.Request) {
	w.serial++
	serial := w.serial
	b := strings.Repeat(fmt.Sprintf("%d;", serial), size(w.rnd)/2)
	head := fmt.Sprintf("X-Serial: %d\r\nX-Owner: %s\r\n", serial, req.Header.Get("X-Forwarded-For"))
	sent := b
	if req.Method == "HEAD" {
		sent = ""
	}
	kinds := 6
	if !w.polite {
		kinds = 12
	}
	kind := w.rnd.IntN(kinds)
	w.tell("endpoint %d answers %s %s as kind %d, serial %d, %d bytes", e.id, req.Method, req.URL, kind, serial, len(b))
	whole := func(n int) func() { return func() { w.whole[serial] = n } }
	shut := func() { e.ended = true; e.link.bye(true) }
	length := fmt.Sprintf("Content-Length: %d\r\n", len(b))
	e.after = whole(len(sent))
	switch kind {
	case 0:
		e.out = "HTTP/1.1 200 OK\r\n" + head + length + "\r\n" + sent
	case 1:
		e.out = "HTTP/1.1 200 OK\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n"
		if req.Method != "HEAD" {
			e.out += chunks(w.rnd, b)
		}
	case 2:
		e.out = "HTTP/1.1 200 OK\r\n" + head + "\r\n" + sent
		if req.Method != "HEAD" {
			e.open = serial
			e.after = func() { w.whole[serial] = len(sent); shut() }
		}
	case 3:
		e.out = "HTTP/1.1 204 No Content\r\n" + head + "\r\n"
		e.after = whole(0)
	case 4:
		e.out = "HTTP/1.1 304 Not Modified\r\n" + head + length + "\r\n"
		e.after = whole(0)
	case 5:
		e.out = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n" + head + "Connection: close\r\n" + length + "\r\n" + sent
		e.after = func() { w.whole[serial] = len(sent); shut() }
	case 6:
		e.out = "HTTP/1.1 200 OK\r\n" + head + length + "Bad Name: x\r\n\r\n" + sent
	case 7:
		e.out = "HTTP/1.1 200 OK\r\n" + head + length + "\r\n" + sent + "HTTP/1.1 200 OK\r\nX-Serial: 9\r\n\r\n"
		// In one segment: what comes later may find another request sent already, and
		// nobody could tell it from the answer.
		w.whole[serial], e.once = len(sent), true
	case 8:
		e.out, e.after = "HTTP/1.1 200 OK\r\n"+head+fmt.Sprintf("Content-Length: %d\r\n\r\n", len(b)+1)+sent, shut
		if req.Method == "HEAD" {
			w.whole[serial] = 0
		}
	case 9:
		e.out, e.after = "HTTP/1.1 200 OK\r\n"+head+"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"+b, shut
		if req.Method == "HEAD" {
			w.whole[serial] = 0
		}
	case 10:
		e.out, e.after = "", shut
	case 11:
		// The whole response, and then RST: it must not be lost.
		e.out = "HTTP/1.1 200 OK\r\n" + head + length + "\r\n" + sent
		e.after = func() { w.whole[serial] = len(sent); e.ended = true; e.link.ResetByPeer() }
	}
}
