package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	good := Options{URL: "ws://127.0.0.1:1/x", Connections: 1, Duration: time.Second}
	for _, header := range []string{"A: b", "a:", "X-Y:  spaced value\t", "Host: other:80", "Cookie: a=b; c=d"} {
		o := good
		if o.Header = []string{header}; o.Validate() != nil {
			t.Errorf("header %q: %v", header, o.Validate())
		}
	}
	for _, url := range []string{"ws://localhost", "http://[::1]:80/a%2Fb?c=d&e", "http://h:65535/", "wss://h", "https://h/a"} {
		o := good
		if o.URL = url; o.Validate() != nil {
			t.Errorf("url %q: %v", url, o.Validate())
		}
	}
	for _, tt := range []struct {
		set  func(*Options)
		want string // in the message, which says what to do
	}{
		{func(o *Options) { o.URL = "" }, "give ws://"},
		{func(o *Options) { o.URL = "127.0.0.1:80" }, "give ws://"},
		{func(o *Options) { o.URL = "ftp://h/" }, "give ws://"},
		{func(o *Options) { o.URL = "http://" }, "needs a host"},
		{func(o *Options) { o.URL = "http://u:p@h/" }, "credentials in a header"},
		{func(o *Options) { o.Connections = 0 }, "at least 1"},
		{func(o *Options) { o.Connections = 1 << 40 }, "ulimit -n"},
		{func(o *Options) { o.Active = 1.5 }, "up to 1"},
		{func(o *Options) { o.Active = -1 }, "above 0"},
		{func(o *Options) { o.Size = -1 }, "give 0 to"},
		{func(o *Options) { o.Size = 1 << 40 }, "give 0 to"},
		{func(o *Options) { o.Duration = 0 }, "such as 10s"},
		{func(o *Options) { o.Warmup = -1 }, "give 0 or"},
		{func(o *Options) { o.Rate = -1 }, "closed loop"},
		{func(o *Options) { o.Rate = 1e9 }, "closed loop"},
		{func(o *Options) { o.ConnectRate = -1 }, "no limit"},
		{func(o *Options) { o.Timeout = -1 }, "give a positive"},
		{func(o *Options) { o.Pipeline = -1 }, "give 1 to"},
		{func(o *Options) { o.Pipeline = 1 << 20 }, "give 1 to"},
		{func(o *Options) { o.PID = -1 }, "give 0"},
		{func(o *Options) { o.Header = []string{"no colon"} }, "Name: value"},
		{func(o *Options) { o.Header = []string{"a b: c"} }, "Name: value"},
		{func(o *Options) { o.Header = []string{"a: b\r\nc: d"} }, "Name: value"},
		{func(o *Options) { o.Header = []string{"content-LENGTH: 3"} }, "leave it out"},
		{func(o *Options) { o.Header = []string{"Sec-WebSocket-Key: x"} }, "leave it out"},
	} {
		o := good
		tt.set(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want a message with %q", o, err, tt.want)
		}
	}
	o := Options{Connections: -1, Size: -1}
	if n := strings.Count(fmt.Sprint(o.Validate()), "\n"); n < 3 {
		t.Errorf("not everything wrong is reported: %v", o.Validate())
	}
}

func TestSchemeMustFit(t *testing.T) {
	o := Options{URL: "http://127.0.0.1:1/", Connections: 1, Duration: time.Second}
	if _, err := WebSocket(context.Background(), o); err == nil || !strings.Contains(err.Error(), "ws needs ws://") {
		t.Error(err)
	}
	o.URL = "ws://127.0.0.1:1/"
	if _, err := HTTP(context.Background(), o); err == nil || !strings.Contains(err.Error(), "http needs http://") {
		t.Error(err)
	}
}

func TestRequestBytes(t *testing.T) {
	for _, tt := range []struct {
		url    string
		header []string
		size   int
		want   string
	}{
		{"http://h:81", nil, 0, "GET / HTTP/1.1\r\nHost: h:81\r\n\r\n"},
		{"http://h/a%2Fb?c=d", []string{"X: y", "hOST: other"}, 0, "GET /a%2Fb?c=d HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n"},
		{"http://h/?", nil, 3, "POST /? HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n\x00\x01\x02"},
	} {
		target, err := parseTarget(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		r := run{opener: &opener{Options: Options{Header: tt.header, Size: tt.size}, target: target}}
		if got, _ := r.makeRequest(); string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.url, got, tt.want)
		}
	}
}
