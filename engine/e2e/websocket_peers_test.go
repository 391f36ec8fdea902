package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
)

// The servers echo every message with its kind, and take three orders as text:
//
//	"close 4001 why"  closes with that code and reason
//	"ping"            pings the client, and sends "ponged" when the pong is there
//	"split 300000"    answers with a message of that many bytes in fragments
//
// Each selects the subprotocol "chat.v2" if it is offered, and compression.
const (
	chosenProtocol = "chat.v2"
	largeMessage   = 1 << 20
	fragment       = 1000
)

// wsServers are servers that nobody here wrote.
var wsServers = []struct {
	name  string
	serve http.HandlerFunc
}{
	{"coder", serveCoder},
	{"gorilla", serveGorilla},
	{"gobwas", serveGobwas},
}

// orders is what the three servers can do on their connection.
type orders struct {
	echo  func(text bool, data []byte) error
	close func(code int, reason string) error
	ping  func() error // sends one and sees to it that the pong is answered with "ponged"
	split func(data []byte) error
}

func (o orders) obey(text bool, data []byte) error {
	order, rest, _ := strings.Cut(string(data[:min(len(data), 40)]), " ")
	switch {
	case text && order == "close":
		code, reason, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		return errors.Join(err, o.close(n, reason))
	case text && order == "ping":
		return o.ping()
	case text && order == "split":
		n, err := strconv.Atoi(rest)
		return errors.Join(err, o.split(pattern(9, n)))
	}
	return o.echo(text, data)
}

func serveCoder(rw http.ResponseWriter, r *http.Request) {
	c, err := coder.Accept(rw, r, &coder.AcceptOptions{
		Subprotocols: []string{chosenProtocol}, CompressionMode: coder.CompressionContextTakeover,
	})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(4 * largeMessage)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	write := func(kind coder.MessageType, data []byte) error { return c.Write(ctx, kind, data) }
	o := orders{
		echo: func(text bool, data []byte) error { return write(coderKind(text), data) },
		close: func(code int, reason string) error {
			return errors.Join(c.Close(coder.StatusCode(code), reason), io.EOF)
		},
		ping: func() error {
			go func() { // the pong is met by Read, which goes on meanwhile
				if c.Ping(ctx) == nil {
					_ = write(coder.MessageText, []byte("ponged"))
				}
			}()
			return nil
		},
		split: func(data []byte) error { return coderSplit(ctx, c, coder.MessageBinary, data) },
	}
	for {
		kind, data, err := c.Read(ctx)
		if err != nil || o.obey(kind == coder.MessageText, data) != nil {
			return
		}
	}
}

func coderKind(text bool) coder.MessageType {
	if text {
		return coder.MessageText
	}
	return coder.MessageBinary
}

// coderSplit sends a message in fragments: a frame for each Write.
func coderSplit(ctx context.Context, c *coder.Conn, kind coder.MessageType, data []byte) error {
	w, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	for ; len(data) > 0; data = data[min(len(data), fragment):] {
		if _, err := w.Write(data[:min(len(data), fragment)]); err != nil {
			return err
		}
	}
	return w.Close()
}

func serveGorilla(rw http.ResponseWriter, r *http.Request) {
	up := gorilla.Upgrader{Subprotocols: []string{chosenProtocol}, EnableCompression: true, WriteBufferSize: fragment}
	c, err := up.Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.NetConn().SetDeadline(time.Now().Add(deadline))
	c.SetPongHandler(func(string) error { return c.WriteMessage(gorilla.TextMessage, []byte("ponged")) })
	o := orders{
		echo: func(text bool, data []byte) error { return c.WriteMessage(gorillaKind(text), data) },
		close: func(code int, reason string) error {
			return c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason))
		},
		ping:  func() error { return c.WriteMessage(gorilla.PingMessage, []byte("p")) },
		split: func(data []byte) error { return gorillaSplit(c, gorilla.BinaryMessage, data) },
	}
	for {
		kind, data, err := c.ReadMessage()
		if err != nil || o.obey(kind == gorilla.TextMessage, data) != nil {
			return
		}
	}
}

func gorillaKind(text bool) int {
	if text {
		return gorilla.TextMessage
	}
	return gorilla.BinaryMessage
}

// gorillaSplit sends a message in fragments: a frame for each full write buffer,
// when it is written in pieces smaller than that.
func gorillaSplit(c *gorilla.Conn, kind int, data []byte) error {
	w, err := c.NextWriter(kind)
	if err != nil {
		return err
	}
	for ; len(data) > 0; data = data[min(len(data), 100):] {
		if _, err := w.Write(data[:min(len(data), 100)]); err != nil {
			return err
		}
	}
	return w.Close()
}

// serveGobwas reads frames by hand, which is how gobwas/ws is meant to be used.
func serveGobwas(rw http.ResponseWriter, r *http.Request) {
	up := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == chosenProtocol }}
	c, _, _, err := up.Upgrade(r, rw)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(deadline))
	o := orders{
		echo: func(text bool, data []byte) error {
			if text {
				return wsutil.WriteServerText(c, data)
			}
			return wsutil.WriteServerBinary(c, data)
		},
		close: func(code int, reason string) error {
			return ws.WriteFrame(c, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
		},
		ping: func() error { return ws.WriteFrame(c, ws.NewPingFrame([]byte("p"))) },
		split: func(data []byte) error {
			for op := ws.OpBinary; ; op = ws.OpContinuation {
				n := min(len(data), fragment)
				last := n == len(data)
				if err := ws.WriteFrame(c, ws.NewFrame(op, last, data[:n])); err != nil || last {
					return err
				}
				data = data[n:]
			}
		},
	}
	control := wsutil.ControlFrameHandler(c, ws.StateServerSide)
	reader := wsutil.Reader{Source: c, State: ws.StateServerSide, CheckUTF8: true, OnIntermediate: control}
	for {
		h, err := reader.NextFrame()
		if err != nil {
			return
		}
		switch {
		case h.OpCode == ws.OpPong:
			if reader.Discard() != nil || wsutil.WriteServerText(c, []byte("ponged")) != nil {
				return
			}
		case h.OpCode.IsControl():
			if control(h, &reader) != nil {
				return
			}
		default:
			data, err := io.ReadAll(&reader)
			if err != nil || o.obey(h.OpCode == ws.OpText, data) != nil {
				return
			}
		}
	}
}

// wsClient is one of the client libraries on one connection.
type wsClient interface {
	protocol() string
	extensions() string
	write(text bool, data []byte) error
	split(text bool, data []byte) error
	read() (text bool, data []byte, err error)
	// ping sends a ping and reports how the wait for its pong ended. The server
	// has nothing else to say meanwhile.
	ping() error
	close(code int, reason string) error
	// closed tells what a close frame said that a read has met.
	closed(err error) (code int, reason string)
	end()
}

// wsClients dial addr with the subprotocols and with an offer of compression; without
// a tls.Config they do it without TLS.
var wsClients = []struct {
	name    string
	dial    func(t *testing.T, addr string, protocols ...string) wsClient
	dialTLS func(t *testing.T, addr string, cfg *tls.Config, protocols ...string) wsClient
}{
	{"coder", dialCoder, dialCoderTLS},
	{"gorilla", dialGorilla, dialGorillaTLS},
}

func webSocketURL(addr string, cfg *tls.Config) string {
	if cfg != nil {
		return "wss://" + addr + "/echo"
	}
	return "ws://" + addr + "/echo"
}

type coderClient struct {
	*coder.Conn
	ctx      context.Context
	response *http.Response
}

func dialCoder(t *testing.T, addr string, protocols ...string) wsClient {
	t.Helper()
	return dialCoderTLS(t, addr, nil, protocols...)
}

func dialCoderTLS(t *testing.T, addr string, cfg *tls.Config, protocols ...string) wsClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	c, res, err := coder.Dial(ctx, webSocketURL(addr, cfg), &coder.DialOptions{
		HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: cfg}},
		Subprotocols: protocols, CompressionMode: coder.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(4 * largeMessage)
	t.Cleanup(func() { _ = c.CloseNow() })
	return coderClient{c, ctx, res}
}

func (c coderClient) protocol() string   { return c.Subprotocol() }
func (c coderClient) extensions() string { return c.response.Header.Get("Sec-WebSocket-Extensions") }
func (c coderClient) write(text bool, data []byte) error {
	return c.Write(c.ctx, coderKind(text), data)
}
func (c coderClient) split(text bool, data []byte) error {
	return coderSplit(c.ctx, c.Conn, coderKind(text), data)
}
func (c coderClient) read() (bool, []byte, error) {
	kind, data, err := c.Read(c.ctx)
	return kind == coder.MessageText, data, err
}

// ping has to have a reader beside it, which the message after the pong ends.
func (c coderClient) ping() error {
	read := make(chan error, 1)
	go func() {
		_, data, err := c.Read(c.ctx)
		if err == nil && string(data) != "after" {
			err = fmt.Errorf("read %q", data)
		}
		read <- err
	}()
	err := c.Ping(c.ctx)
	return errors.Join(err, c.write(true, []byte("after")), <-read)
}
func (c coderClient) close(code int, reason string) error {
	return c.Close(coder.StatusCode(code), reason)
}
func (c coderClient) closed(err error) (int, string) {
	var e coder.CloseError
	if !errors.As(err, &e) {
		return 0, err.Error()
	}
	return int(e.Code), e.Reason
}
func (c coderClient) end() { _ = c.CloseNow() }

type gorillaClient struct {
	*gorilla.Conn
	response *http.Response
}

func dialGorilla(t *testing.T, addr string, protocols ...string) wsClient {
	t.Helper()
	return dialGorillaTLS(t, addr, nil, protocols...)
}

func dialGorillaTLS(t *testing.T, addr string, cfg *tls.Config, protocols ...string) wsClient {
	t.Helper()
	d := gorilla.Dialer{Subprotocols: protocols, EnableCompression: true, HandshakeTimeout: deadline, WriteBufferSize: fragment, TLSClientConfig: cfg}
	c, res, err := d.Dial(webSocketURL(addr, cfg), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.NetConn().SetDeadline(time.Now().Add(deadline))
	t.Cleanup(func() { _ = c.Close() })
	return gorillaClient{c, res}
}

func (c gorillaClient) protocol() string   { return c.Subprotocol() }
func (c gorillaClient) extensions() string { return c.response.Header.Get("Sec-WebSocket-Extensions") }
func (c gorillaClient) write(text bool, data []byte) error {
	return c.WriteMessage(gorillaKind(text), data)
}
func (c gorillaClient) split(text bool, data []byte) error {
	return gorillaSplit(c.Conn, gorillaKind(text), data)
}
func (c gorillaClient) read() (bool, []byte, error) {
	kind, data, err := c.ReadMessage()
	return kind == gorilla.TextMessage, data, err
}

func (c gorillaClient) ping() error {
	ponged := ""
	c.SetPongHandler(func(data string) error { ponged = data; return nil })
	err := errors.Join(c.WriteMessage(gorilla.PingMessage, []byte("are you there")), c.write(true, []byte("after")))
	if err != nil {
		return err
	}
	if _, data, err := c.read(); err != nil || !bytes.Equal(data, []byte("after")) || ponged != "are you there" {
		return fmt.Errorf("read %q, %v; pong %q", data, err, ponged)
	}
	return nil
}

// close sends a close frame and waits for the answer.
func (c gorillaClient) close(code int, reason string) error {
	err := c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason))
	if err != nil {
		return err
	}
	_, _, err = c.read()
	if got, _ := c.closed(err); got != code {
		return fmt.Errorf("the close was answered with %v", err)
	}
	return nil
}

func (c gorillaClient) closed(err error) (int, string) {
	var e *gorilla.CloseError
	if !errors.As(err, &e) {
		return 0, err.Error()
	}
	return e.Code, e.Text
}
func (c gorillaClient) end() { _ = c.Close() }
