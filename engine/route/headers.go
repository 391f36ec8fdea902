package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/configs"
)

// HeaderRules edits header fields. The zero value changes nothing.
type HeaderRules struct {
	drops []string // lower case: what Remove and Set name
	sets  []fieldRule
	host  bool

	// Bit n of lengths: a dropped name has n bytes, modulo 64. Bit n of first: one
	// begins with a character that is n modulo 32, which is the same in both cases.
	lengths uint64
	first   uint32
}

type fieldRule struct {
	name  string // as the user wrote it
	value template
}

// Empty reports whether there is nothing to do.
func (h *HeaderRules) Empty() bool { return len(h.drops) == 0 && len(h.sets) == 0 }

// Drops reports whether a field of this name, in any case, must not be copied,
// since it is removed or replaced. Constant time for nearly all other names.
func (h *HeaderRules) Drops(name []byte) bool {
	if h.lengths == 0 || len(name) == 0 || h.lengths&(1<<(len(name)&63)) == 0 || h.first&(1<<(name[0]&31)) == 0 {
		return false
	}
	for _, d := range h.drops {
		if equalLower(name, d) {
			return true
		}
	}
	return false
}

// SetsHost reports whether Append writes a Host field.
func (h *HeaderRules) SetsHost() bool { return h.host }

// Append appends the field lines of Set, then those of Add, each sorted by name.
func (h *HeaderRules) Append(dst []byte, v *Vars) []byte {
	for i := range h.sets {
		dst = append(dst, h.sets[i].name...)
		dst = append(dst, ": "...)
		for _, p := range h.sets[i].value {
			if p.name == configs.VarNone {
				dst = append(dst, p.text...)
			} else {
				dst = v.append(dst, p.name)
			}
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// equalLower reports whether name in lower case is lower. ASCII only.
func equalLower(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// ownFields are the fields by which weir frames messages, manages connections and
// opens tunnels. A rule on one of them could make two parties disagree on where a
// message ends.
var ownFields = []string{
	"connection", "content-length", "keep-alive", "proxy-connection",
	"sec-websocket-accept", "sec-websocket-key", "sec-websocket-version",
	"te", "trailer", "transfer-encoding", "upgrade",
}

func compileHeaders(c configs.HeaderRules) (h HeaderRules, err error) {
	for _, name := range c.Remove {
		if err := h.drop(name); err != nil {
			return h, err
		}
		if strings.EqualFold(name, "host") {
			return h, fmt.Errorf("remove: a request needs its Host")
		}
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		lower := strings.ToLower(name)
		if seen[lower] {
			return h, fmt.Errorf("set: %s is given twice", name)
		}
		seen[lower] = true
		h.host = h.host || lower == "host"
		if err := h.drop(name); err != nil {
			return h, err
		}
		if err := h.set(name, c.Set[name]); err != nil {
			return h, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Add)) {
		if strings.EqualFold(name, "host") {
			return h, fmt.Errorf("add: a request has one Host; use set")
		}
		if err := h.set(name, c.Add[name]); err != nil {
			return h, err
		}
	}
	return h, nil
}

func checkFieldName(name string) error {
	switch {
	case !isToken(name):
		return fmt.Errorf("%q is not a field name", name)
	case slices.Contains(ownFields, strings.ToLower(name)):
		return fmt.Errorf("%s belongs to weir and cannot be changed", name)
	}
	return nil
}

func (h *HeaderRules) drop(name string) error {
	if err := checkFieldName(name); err != nil {
		return err
	}
	lower := strings.ToLower(name)
	h.drops = append(h.drops, lower)
	h.lengths |= 1 << (len(lower) & 63)
	h.first |= 1 << (lower[0] & 31)
	return nil
}

func (h *HeaderRules) set(name, value string) error {
	if err := checkFieldName(name); err != nil {
		return err
	}
	t, err := parseTemplate(value, configs.HeaderVars, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h.sets = append(h.sets, fieldRule{name, t})
	return nil
}
