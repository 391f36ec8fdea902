package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// trial is a command to try against the demo, and how its output shows that it
// worked.
type trial struct {
	what    string
	command string
	shows   string
}

// trials are the curl commands that the demo prints, for the proxy at base.
func trials(base string) []trial {
	all := []trial{
		{"the request as it reached the backend", "curl -i '" + base + "/echo/hello?x=1'", `"target": "/echo/hello?x=1"`},
		{"a body, counted and shown", "curl -d 'some text' " + base + "/echo", `"body": "some text"`},
		{"weir answers by itself", "curl -i " + base + "/healthz", "200 OK"},
		{"a redirect, followed", "curl -L " + base + "/old", `"target": "/echo"`},
		{"server-sent events, as they happen", "curl -N '" + base + "/events?count=3'", `data: {"n":3`},
		{"256 MiB through weir", "curl -o /dev/null " + base + "/download", ""},
		{"no route: 404, and the reason in Weir-Error", "curl -i " + base + "/nowhere", "404 "},
		{"smuggling: two lengths for one body, refused",
			"curl -i -d hello -H 'Content-Length: 5' -H 'Transfer-Encoding: chunked' " + base + "/echo", "400 "},
	}
	if isSecure(base) {
		for i := range all { // nobody trusts the certificate
			all[i].command = strings.Replace(all[i].command, "curl ", "curl -k ", 1)
		}
	}
	return all
}

// demoBase is the demo's URL, without a path, for a client on this machine.
func demoBase(secure bool, address string) string {
	if secure {
		return "https://" + reachable(address)
	}
	return "http://" + reachable(address)
}

func isSecure(base string) bool { return strings.HasPrefix(base, "https:") }

// printDemo tells a person what there is to see at base.
func printDemo(w io.Writer, program, base string) {
	p := paletteFor(w)
	fmt.Fprintf(w, "%s is serving on %s\n\n", p.bold("weir demo"), base)
	fmt.Fprintf(w, "Open   %s\n", p.bold(base+"/"))
	if isSecure(base) {
		fmt.Fprintf(w, "       the browser will warn: the certificate was made for this run (weir cert makes one to trust)\n")
	}
	fmt.Fprintf(w, "       a WebSocket through weir: messages, round-trip times, reconnects, a chat\n\n")
	fmt.Fprintln(w, "Try")
	for _, t := range trials(base) {
		fmt.Fprintf(w, "  %s\n    %s\n", p.dim("# "+t.what), t.command)
	}
	fmt.Fprintf(w, "  %s\n    %s %s\n", p.dim("# load: 64 WebSockets that echo as fast as they can"), program, demoBench(base))
	fmt.Fprintf(w, "\nStop   Ctrl-C\n\n")
}

// demoBench is the load test that the demo prints: arguments of weir.
func demoBench(base string) string {
	load := "bench ws ws" + strings.TrimPrefix(base, "http") + "/ws/echo --duration 5s"
	if isSecure(base) {
		load += " --insecure"
	}
	return load
}

// invocation is how the user started this program, so that the lines printed for
// it can be pasted back: go run builds into a folder that is gone afterwards.
func invocation() string {
	if strings.Contains(os.Args[0], "/go-build") {
		return "go run ./cmd/weir"
	}
	return os.Args[0]
}

// reachable is address as a client on this machine can use it: a wildcard host
// becomes loopback.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
