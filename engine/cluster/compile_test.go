package cluster

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/configs"
)

// lookup knows two names.
func lookup(_ context.Context, network, host string) ([]netip.Addr, error) {
	switch {
	case network != "ip":
		return nil, errors.New("asked for " + network)
	case host == "two.test":
		return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
	case host == "empty.test":
		return nil, nil
	}
	return nil, errors.New("no such host")
}

func TestCompile(t *testing.T) {
	cfg := &configs.Cluster{
		Endpoints: []configs.Endpoint{
			{Address: "127.0.0.1:9001", Weight: 2},
			{Address: "two.test:80", Weight: 3},
			{Address: "[::1]:9002"},
		},
		MaxIdle: 7, MaxHead: 1000, MaxFields: 10,
		Timeouts: configs.ClusterTimeouts{Connect: configs.Duration(time.Second), Idle: configs.Duration(time.Minute), Lifetime: configs.Duration(time.Hour)},
	}
	c, err := Compile(t.Context(), "chat", cfg, lookup)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		address, addr string
		weight        int
	}{
		{"127.0.0.1:9001", "127.0.0.1:9001", 2},
		{"192.0.2.1:80", "192.0.2.1:80", 3},
		{"[2001:db8::1]:80", "[2001:db8::1]:80", 3},
		{"[::1]:9002", "[::1]:9002", 1},
	}
	if len(c.Endpoints) != len(want) {
		t.Fatalf("%d endpoints, want %d", len(c.Endpoints), len(want))
	}
	for i, w := range want {
		e := c.Endpoints[i]
		if e.Address != w.address || e.Addr.String() != w.addr || e.Weight != w.weight || e.index != i {
			t.Errorf("endpoint %d: %+v (%s), want %+v", i, e, e.Addr, w)
		}
	}
	if c.Name != "chat" || c.ConnectTimeout != 1e9 || c.MaxHead != 1000 || c.MaxFields != 10 ||
		c.maxIdle != 7 || c.idleTimeout != 60e9 || c.lifetime != 3600e9 || len(c.schedule) != 9 {
		t.Errorf("%+v", c)
	}
}

func TestCompileErrorsNameTheEndpoint(t *testing.T) {
	for _, tt := range []struct{ address, want string }{
		{"127.0.0.1", "missing port"},
		{"", "missing port"},
		{"::1:80", "too many colons"},
		{"127.0.0.1:http", `port "http": invalid syntax`},
		{"127.0.0.1:65536", `port "65536": value out of range`},
		{"127.0.0.1:-1", `port "-1": invalid syntax`},
		{"nowhere.test:80", "no such host"},
		{"empty.test:80", "no address"},
		{":80", "no such host"},
		{"[fe80::1%eth0]:80", "zone"},
	} {
		cfg := &configs.Cluster{Endpoints: []configs.Endpoint{{Address: "127.0.0.1:1"}, {Address: tt.address}}}
		_, err := Compile(t.Context(), "chat", cfg, lookup)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `cluster "chat": endpoint "`+tt.address+`"`) {
			t.Errorf("%q: %v, want %q", tt.address, err, tt.want)
		}
	}
	if _, err := Compile(t.Context(), "none", &configs.Cluster{}, lookup); err == nil || !strings.Contains(err.Error(), "0 endpoints") {
		t.Errorf("no endpoints: %v", err)
	}
}

func TestCompileHandsItsContextOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := &configs.Cluster{Endpoints: []configs.Endpoint{{Address: "slow.test:80"}}}
	_, err := Compile(ctx, "c", cfg, func(ctx context.Context, _, _ string) ([]netip.Addr, error) { return nil, ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
