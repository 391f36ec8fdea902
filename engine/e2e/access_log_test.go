package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// accessLines stops weir and gives the access log, decoded, by target.
func (w *weir) accessLines() map[string]map[string]any {
	w.t.Helper()
	w.eventually("the exchanges are over", func() bool { return w.stats().Active == 0 })
	w.stop()
	lines := map[string]map[string]any{}
	for text := range strings.Lines(w.access.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Fatalf("not JSON: %q: %v", text, err)
		}
		target, _ := line["target"].(string)
		lines[target] = line
	}
	return lines
}

func TestAccessLogLineOfAnExchange(t *testing.T) {
	backend := answering(t, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello")
	w := start(t, oneCluster(backend, `name = "r"`), `trusted_proxies = ["127.0.0.1"]`)
	c := w.client()
	const request = "POST /first?x=%22\" HTTP/1.1\r\nHost: h.example\r\nUser-Agent: u\"a\\\xff\r\nX-Request-Id: id-1\r\nX-Forwarded-For: 9.8.7.6\r\nContent-Length: 3\r\n\r\nabc"
	head := strings.Replace(request, "%22\"", "%22", 1)
	c.send(head)
	res, _ := c.response("POST")
	size := headBytes(res.Header, "HTTP/1.1 201 Created\r\n") + 5
	c.send(strings.Replace(head, "/first", "/second", 1))
	c.response("POST")
	peer := c.LocalAddr().String()
	lines := w.accessLines()
	line := lines["/first?x=%22"]
	for name, want := range map[string]any{
		"kind": "exchange", "conn": line["conn"], "request_id": "id-1", "client": peer, "forwarded_for": "9.8.7.6", "listener": "edge",
		"method": "POST", "host": "h.example", "user_agent": "u\"a\\\uFFFD", "route": "r", "cluster": "main", "endpoint": backend,
		"status": 201.0, "bytes_in": float64(len(head)), "bytes_out": float64(size), "reused": nil, "retries": nil, "fault": nil,
		"fault_side": nil, "closed_by": nil,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", line["time"].(string)); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("time %v: %v", line["time"], err)
	}
	for _, name := range []string{"duration_ms", "connect_ms", "response_ms"} {
		if v, ok := line[name].(float64); !ok || v <= 0 || v > deadline.Seconds()*1000 {
			t.Errorf("%s is %v", name, line[name])
		}
	}
	second := lines["/second?x=%22"]
	if second["reused"] != true || second["connect_ms"] != nil || second["conn"] != line["conn"] || second["bytes_in"] != float64(len(head)+1) {
		t.Errorf("the second line: %v", second)
	}
}

// headBytes is the size of a head as net/http has read it.
func headBytes(fields map[string][]string, line string) int {
	n := len(line) + len("\r\n")
	for name, values := range fields {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return n
}

// Why an exchange failed, on whose side, and who ended it.
func TestAccessLogTellsFaults(t *testing.T) {
	silent, _ := held(t, "")
	w := start(t, "[clusters.dead]\nendpoints = [\""+deadAddr(t)+"\"]\n"+
		"[clusters.cut]\nendpoints = [\""+answering(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabc\r\n\r\nx")+"\"]\n"+
		"[clusters.silent]\nendpoints = [\""+silent+"\"]\n"+
		"[[routes]]\nprefix = \"/dead\"\ncluster = \"dead\"\n[[routes]]\nprefix = \"/silent\"\ncluster = \"silent\"\n"+
		"[[routes]]\nprefix = \"/late\"\ncluster = \"silent\"\ntimeouts = { response = \"30ms\" }\n"+
		"[[routes]]\npath = \"/local\"\nrespond = { body = \"local\" }\n")
	c := w.client()
	c.get("/dead")
	c.get("/late")
	c.get("/none")
	c.get("/local")
	c.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
	w.eventually("the endpoint has it", func() bool { return w.stats().Active == 1 && w.stats().Connections == 2 })
	_ = c.Close()
	const malformed = "GET /x HTTP/1.1\r\nBad : field\r\n\r\n"
	w.raw(malformed)
	lines := w.accessLines()
	for target, want := range map[string]map[string]any{
		"/dead":   {"status": 503.0, "fault": "no_endpoint", "fault_side": "upstream", "closed_by": nil, "route": "/dead*"},
		"/late":   {"status": 504.0, "fault": "response_timeout", "fault_side": "upstream", "closed_by": nil},
		"/none":   {"status": 404.0, "fault": "no_route", "fault_side": "local", "route": nil, "endpoint": nil},
		"/local":  {"status": 200.0, "fault": nil, "route": "/local", "endpoint": nil, "bytes_in": float64(len("GET /local HTTP/1.1\r\nHost: a\r\n\r\n"))},
		"/silent": {"status": 0.0, "fault": "client_closed", "fault_side": "downstream", "closed_by": "client"},
		"":        {"status": 400.0, "fault": "malformed_request", "fault_side": "downstream", "closed_by": "weir", "bytes_in": float64(len(malformed))},
	} {
		for name, value := range want {
			if got := lines[target][name]; got != value {
				t.Errorf("%q: %s is %v, want %v; %v", target, name, got, value, lines[target])
			}
		}
	}
}

// The time a connection was open before its first request is not the request's.
func TestAccessLogDurationBeginsWithTheRequest(t *testing.T) {
	w := start(t, "[[routes]]\nrespond = { body = \"x\" }\n")
	c := w.client()
	w.eventually("the connection is accepted", func() bool { return w.stats().Sessions == 1 })
	time.Sleep(150 * time.Millisecond) // the idle time that must not be counted
	c.get("/")
	c.get("/2")
	for target, line := range w.accessLines() {
		if d, _ := line["duration_ms"].(float64); d >= 150 {
			t.Errorf("%s took %v ms", target, d)
		}
	}
}

// The debug log tells the life of a connection in order, and keeps secrets.
func TestDebugLogTellsTheStory(t *testing.T) {
	backend := answering(t, "HTTP/1.1 200 OK\r\nSet-Cookie: sid=topsecret3\r\nContent-Length: 1\r\n\r\nx")
	w := start(t, "[log]\nlevel = \"debug\"\n"+oneCluster(backend, `name = "r"`))
	w.raw("GET /p?token=1 HTTP/1.1\r\nHost: h.example\r\nAuthorization: Bearer topsecret1\r\nCookie: sid=topsecret2\r\nProxy-Authorization: topsecret4\r\nX-Plain: seen\r\nConnection: close\r\n\r\n")
	w.stop()
	log := w.log.String()
	if m := regexp.MustCompile("topsecret.").FindString(log); m != "" {
		t.Errorf("%s is in the log:\n%s", m, log)
	}
	rest := log
	for _, step := range []string{
		`"message":"new connection"`, `"message":"request head complete"`, `"X-Plain: seen"`, `"message":"route matched"`,
		`"message":"connecting"`, `"message":"connected"`, `"message":"response head complete"`, `"message":"response complete"`, `"message":"connection closed"`,
	} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Fatalf("%s is missing, or out of order, in\n%s", step, log)
		}
		rest = after
	}
}
