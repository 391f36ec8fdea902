// Package works is what peers are compared in: a table of works, each with the
// command that loads a proxy with it.
package works

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/bench/comparison/peers"
)

// Kind is the shape of a measurement.
type Kind uint8

const (
	// Loaded is measured in closed loop, and then in open loop at half the capacity
	// of the slowest.
	Loaded Kind = iota + 1
	// Saturated is measured in closed loop only.
	Saturated
	// Rated is measured in open loop only, at a rate of its own or at half the slowest
	// capacity of another work, so that several works share one rate.
	Rated
	// Once ends by itself.
	Once
	// Idle is measured for all peers at the same time: it disturbs nobody.
	Idle
	// Tool is measured with wrk or h2load, so that our generator is not the judge of
	// itself.
	Tool
)

// Work is one row of the table.
type Work struct {
	Name  string // what --only matches
	Group string // the table it is shown in
	Title string
	Unit  string // what is counted, singular
	Kind  Kind
	Peers []string

	// Command are the arguments of weir bench, or a tool and its arguments. ADDRESS
	// is that of the proxy, SECONDS the duration of a tool, BEFORE the duration.
	Command []string
	// Connections through the proxy at once.
	Connections int
	// Workers, threads or loops a proxy has; 0: one.
	Workers int
	// UnitsPerDue is how many units one that is due makes; 0: one.
	UnitsPerDue int
	// RateOf names the work whose capacity a Rated one takes its rate from, unless Rate
	// says how many units are due a second.
	RateOf string
	Rate   float64
	// TLS is what the proxies end. Optional: none.
	TLS peers.TLS
	// Beside are arguments of weir bench for a load that goes on all the while, which
	// is not measured. Its Connections count. Optional: none.
	Beside []string
	// Takes estimates a Once, without what BEFORE stands for.
	Takes time.Duration
}

// WorkersOf is Workers with its default.
func (w *Work) WorkersOf() int { return max(1, w.Workers) }

// DuePer is UnitsPerDue with its default.
func (w *Work) DuePer() int { return max(1, w.UnitsPerDue) }

// HeldFirst reports whether a Once measures for the duration before it does its work.
func (w *Work) HeldFirst() bool { return slices.Contains(w.Command, "BEFORE") }

// Units is Unit in the plural.
func (w *Work) Units() string {
	if stem, ok := strings.CutSuffix(w.Unit, "y"); ok {
		return stem + "ies"
	}
	return w.Unit + "s"
}

// Args is Command for a proxy at address, and a duration.
func (w *Work) Args(address string, duration time.Duration) []string {
	return fill(w.Command, address, duration)
}

// BesideArgs is Beside for a proxy at address.
func (w *Work) BesideArgs(address string) []string { return fill(w.Beside, address, 0) }

func fill(command []string, address string, duration time.Duration) []string {
	seconds := strconv.Itoa(max(1, int(duration.Round(time.Second)/time.Second)))
	r := strings.NewReplacer("ADDRESS", address, "SECONDS", seconds, "BEFORE", duration.String())
	args := make([]string, len(command))
	for i, a := range command {
		args[i] = r.Replace(a)
	}
	return args
}

// Has reports whether peer takes part in w.
func (w *Work) Has(peer *peers.Peer) bool { return slices.Contains(w.Peers, peer.Name) }

// Of are those of list that take part in w, in the order of list.
func (w *Work) Of(list []*peers.Peer) []*peers.Peer {
	var found []*peers.Peer
	for _, p := range list {
		if w.Has(p) {
			found = append(found, p)
		}
	}
	return found
}

// Find is the work called name; nil if there is none.
func Find(name string) *Work {
	for _, w := range All {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// Group are the works of one table, in order.
func Group(name string) []*Work {
	var found []*Work
	for _, w := range All {
		if w.Group == name {
			found = append(found, w)
		}
	}
	return found
}

// Select are the works whose name matches the expression; "" matches all.
func Select(expression string) ([]*Work, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("only: %w", err)
	}
	var found []*Work
	for _, w := range All {
		if re.MatchString(w.Name) {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("only: no work matches %q; there are %s", expression, strings.Join(Names(), ", "))
	}
	return found, nil
}

// Names are those of All.
func Names() []string {
	var names []string
	for _, w := range All {
		names = append(names, w.Name)
	}
	return names
}
