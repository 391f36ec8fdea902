package route

import (
	"slices"
	"strings"
	"testing"

	"weir/configs"
)

// clustersByLetter are clusters a to e, by index.
var clustersByLetter = map[string]int{"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}

// protocols are what a ClientHello offers.
type protocols []string

func (p protocols) OffersALPN(protocol string) bool { return slices.Contains(p, protocol) }

func compileForwards(t *testing.T, fallback string, list ...*configs.Forward) *Forwards {
	t.Helper()
	f, err := CompileForwards(list, fallback, clustersByLetter)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForwardsMatch(t *testing.T) {
	names := func(cluster string, names ...string) *configs.Forward {
		return &configs.Forward{ServerNames: names, Cluster: cluster}
	}
	byName := []*configs.Forward{names("a", "one.test", "Two.Test."), names("b", "*.one.test"), names("c", "*.test")}
	byALPN := []*configs.Forward{{ServerNames: []string{"one.test"}, ALPN: []string{"h2", "x"}, Cluster: "a"}, {ALPN: []string{"mail"}, Cluster: "b"}}
	byPort := []*configs.Forward{{Ports: "9000", Cluster: "a"}, {Ports: "9000-9002", Cluster: "b"}, {Ports: "65535", ServerNames: []string{"one.test"}, Cluster: "c"}}
	all := []*configs.Forward{{Cluster: "a"}, {ServerNames: []string{"one.test"}, Cluster: "b"}}
	tests := []struct {
		name     string
		list     []*configs.Forward
		fallback string
		server   string
		offers   Offers
		port     uint16
		want     int
	}{
		{"nothing leads nowhere", nil, "", "one.test", nil, 1, -1},
		{"the fallback alone", nil, "e", "", nil, 0, 4},
		{"exact name", byName, "e", "one.test", nil, 0, 0},
		{"configured in capitals, with a final dot", byName, "e", "two.test", nil, 0, 0},
		{"wildcard", byName, "e", "x.one.test", nil, 0, 1},
		{"wildcard at any depth", byName, "e", "x.y.one.test", nil, 0, 1},
		{"a wildcard stands for one label at least", byName, "e", "xone.test", nil, 0, 2},
		{"a wildcard is not its own root", byName, "e", "test", nil, 0, 4},
		{"only the dot before the root", byName, "e", ".test", nil, 0, 4},
		{"a name as a suffix", byName, "e", "evil-two.test", nil, 0, 2},
		{"a name as a prefix", byName, "e", "one.test.evil", nil, 0, 4},
		{"no name", byName, "e", "", nil, 0, 4},
		{"no name and no fallback", byName, "", "", nil, 0, -1},
		{"name and protocol", byALPN, "e", "one.test", protocols{"y", "x"}, 0, 0},
		{"name without the protocol", byALPN, "e", "one.test", protocols{"y"}, 0, 4},
		{"protocol without the name", byALPN, "e", "two.test", protocols{"h2"}, 0, 4},
		{"protocol alone", byALPN, "e", "", protocols{"mail"}, 0, 1},
		{"nothing offered", byALPN, "e", "one.test", protocols{}, 0, 4},
		{"no TLS", byALPN, "e", "", nil, 0, 4},
		{"one port", byPort, "e", "", nil, 9000, 0},
		{"the first that matches", byPort, "e", "", nil, 9001, 1},
		{"the last of a range", byPort, "e", "", nil, 9002, 1},
		{"below", byPort, "e", "", nil, 8999, 4},
		{"above", byPort, "e", "", nil, 9003, 4},
		{"the last port", byPort, "e", "one.test", nil, 65535, 2},
		{"port without the name", byPort, "e", "", nil, 65535, 4},
		{"no condition takes all", all, "e", "one.test", nil, 7, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := compileForwards(t, tt.fallback, tt.list...)
			if got := f.Match([]byte(tt.server), tt.offers, tt.port); got != tt.want {
				t.Errorf("got cluster %d, want %d", got, tt.want)
			}
		})
	}
}

func TestForwardsNeedsPort(t *testing.T) {
	if compileForwards(t, "a", &configs.Forward{ServerNames: []string{"one.test"}, Cluster: "b"}).NeedsPort() {
		t.Error("no entry has ports")
	}
	if !compileForwards(t, "a", &configs.Forward{Cluster: "b"}, &configs.Forward{Ports: "1-2", Cluster: "b"}).NeedsPort() {
		t.Error("the second entry has ports")
	}
}

func TestCompileForwardsRefuses(t *testing.T) {
	tests := []struct {
		name, fallback string
		entry          configs.Forward
		want           string
	}{
		{"unknown fallback", "x", configs.Forward{Cluster: "a"}, `cluster "x"`},
		{"unknown cluster", "a", configs.Forward{Cluster: "x"}, `forward[0]: there is no cluster "x"`},
		{"no cluster", "a", configs.Forward{}, "forward[0]"},
		{"port 0", "a", configs.Forward{Cluster: "a", Ports: "0"}, "ports"},
		{"backwards", "a", configs.Forward{Cluster: "a", Ports: "2-1"}, "ports"},
		{"too high", "a", configs.Forward{Cluster: "a", Ports: "65536"}, "ports"},
		{"half a range", "a", configs.Forward{Cluster: "a", Ports: "1-"}, "ports"},
		{"three ends", "a", configs.Forward{Cluster: "a", Ports: "1-2-3"}, "ports"},
		{"a word", "a", configs.Forward{Cluster: "a", Ports: "https"}, "ports"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := CompileForwards([]*configs.Forward{&tt.entry}, tt.fallback, clustersByLetter)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestForwardsMatchDoesNotAllocate(t *testing.T) {
	f := compileForwards(t, "e",
		&configs.Forward{ServerNames: []string{"one.test", "*.two.test"}, Cluster: "a"},
		&configs.Forward{ALPN: []string{"h2"}, Ports: "1-9", Cluster: "b"})
	name, offers := []byte("x.two.test"), Offers(protocols{"mail", "h2"})
	other := []byte("other.test")
	if n := testing.AllocsPerRun(100, func() {
		if f.Match(name, offers, 5) != 0 || f.Match(other, offers, 5) != 1 || f.Match(other, nil, 5) != 4 {
			t.Error("another cluster")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
