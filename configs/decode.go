package configs

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader collects the problems of one configuration, with their lines.
type reader struct {
	file  string
	lines *lineIndex // nil for a Config made by code

	problems []Problem
	warnings []Problem

	// broken holds the values that could not be read, whose defaults are in the
	// Config instead, and partial the tables that miss a key the user meant to
	// give. Both keep one slip from being reported twice.
	broken  map[keyPath]bool
	partial map[keyPath]bool
}

// problemf adds a mistake in the value at p.
func (r *reader) problemf(p keyPath, hint, format string, args ...any) {
	for up := p; up != "" && len(r.broken) > 0; up = up.parent() {
		if r.broken[up] {
			return
		}
	}
	r.problems = append(r.problems, r.problem(p, hint, fmt.Sprintf(format, args...)))
}

// missingf adds a complaint that something is absent from the table at p, unless
// the table holds a key that could not be read and may well be the thing.
func (r *reader) missingf(p keyPath, hint, format string, args ...any) {
	if !r.partial[p] {
		r.problemf(p, hint, format, args...)
	}
}

func (r *reader) warnf(p keyPath, hint, format string, args ...any) {
	r.warnings = append(r.warnings, r.problem(p, hint, fmt.Sprintf(format, args...)))
}

func (r *reader) problem(p keyPath, hint, message string) Problem {
	return Problem{File: r.file, Line: r.lines.line(p), Key: p.String(), Message: message, Hint: hint}
}

// spoil notes that the value at p could not be read.
func (r *reader) spoil(p keyPath) {
	r.broken[p] = true
	r.partial[p.parent()] = true
}

// shorthand is a table that may be written as a string.
type shorthand interface{ fromString(string) }

func (e *Endpoint) fromString(s string) { e.Address = s }

// decode lays the value in, as toml parsed it, over out. Whatever does not fit is
// reported and leaves the default; the rest is decoded all the same. This is why
// toml's own decoder is not used: it stops at the first mistake.
func (r *reader) decode(p keyPath, in any, out reflect.Value) {
	if out.Kind() == reflect.Pointer {
		v := newDefault(out.Type().Elem())
		out.Set(v)
		out = v.Elem()
	}
	if u, ok := out.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.decodeText(p, in, u, out)
		return
	}
	if s, ok := in.(string); ok {
		if short, ok := out.Addr().Interface().(shorthand); ok {
			short.fromString(s)
			return
		}
	}
	fits := true
	switch out.Kind() {
	case reflect.Struct:
		var table map[string]any
		if table, fits = in.(map[string]any); fits {
			r.decodeStruct(p, table, out)
		}
	case reflect.Map:
		var table map[string]any
		if table, fits = in.(map[string]any); fits {
			r.decodeMap(p, table, out)
		}
	case reflect.Slice:
		var list []any
		if list, fits = asList(in); fits {
			out.Set(reflect.MakeSlice(out.Type(), len(list), len(list)))
			for i, e := range list {
				out.Index(i).Set(newDefault(out.Type().Elem()).Elem())
				r.decode(p.elem(i), e, out.Index(i))
			}
		}
	case reflect.String:
		var s string
		if s, fits = in.(string); fits {
			out.SetString(s)
		}
	case reflect.Bool:
		var b bool
		if b, fits = in.(bool); fits {
			out.SetBool(b)
		}
	case reflect.Int:
		var n int64
		if n, fits = in.(int64); fits {
			out.SetInt(n)
		}
	default:
		panic("configs: the schema holds a " + out.Type().String())
	}
	if !fits {
		r.mismatch(p, in, out.Type())
	}
}

// decodeText reads what is written as a string with a unit. A bare 0 needs neither.
func (r *reader) decodeText(p keyPath, in any, u encoding.TextUnmarshaler, out reflect.Value) {
	s, ok := in.(string)
	if n, isInt := in.(int64); isInt && n == 0 {
		s, ok = "0", true
	}
	if !ok {
		r.mismatch(p, in, out.Type())
		return
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		r.problemErr(p, err)
		r.spoil(p)
	}
}

// problemErr reports err as a mistake in the value at p.
func (r *reader) problemErr(p keyPath, err error) {
	hint, message := "", err.Error()
	var h *hinted
	if errors.As(err, &h) {
		message, hint = h.message, h.hint
	}
	r.problemf(p, hint, "%s: %s", p.last(), message)
}

func (r *reader) decodeStruct(p keyPath, table map[string]any, out reflect.Value) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		at := p.child(key)
		i := slices.Index(keysOf(out.Type()), key)
		if i < 0 {
			r.unknown(at, key, out.Type())
			continue
		}
		r.decode(at, table[key], out.Field(i))
	}
}

func (r *reader) decodeMap(p keyPath, table map[string]any, out reflect.Value) {
	m := reflect.MakeMapWithSize(out.Type(), len(table))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		v := reflect.New(out.Type().Elem()).Elem()
		r.decode(p.child(key), table[key], v)
		m.SetMapIndex(reflect.ValueOf(key), v)
	}
	out.Set(m)
}

// keysOf are the TOML keys of a struct, by field; "-" stands for none.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("toml")
	}
	return keys
}

// unknown reports a key that t does not have.
func (r *reader) unknown(p keyPath, key string, t reflect.Type) {
	keys := slices.DeleteFunc(keysOf(t), func(k string) bool { return k == "-" })
	hint := ""
	if near := nearest(key, keys); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if table := tableWith(t, key); table != "" {
		hint = fmt.Sprintf("it belongs in %s", table)
	} else {
		hint = "the keys here are " + strings.Join(keys, ", ")
	}
	r.problemf(p, hint, "unknown key %s", quote(key))
	r.partial[p.parent()] = true
}

// tableWith is the key of a table directly inside t that has this key.
func tableWith(t reflect.Type, key string) string {
	for i, k := range keysOf(t) {
		if f := t.Field(i).Type; f.Kind() == reflect.Struct && slices.Contains(keysOf(f), key) {
			return k
		}
	}
	return ""
}

// mismatch reports a value of the wrong type.
func (r *reader) mismatch(p keyPath, in any, want reflect.Type) {
	name := p.last()
	if strings.HasPrefix(name, "[") { // an element: say of what
		name = p.parent().last() + name
	}
	r.problemf(p, "write "+wanted(in, want), "%s is %s", name, found(in))
	r.spoil(p)
}

// asList is in as a list: arrays and [[tables]] come as two types.
func asList(in any) ([]any, bool) {
	switch v := in.(type) {
	case []any:
		return v, true
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list, true
	}
	return nil, false
}

// found names a TOML value in the user's words.
func found(in any) string {
	switch v := in.(type) {
	case string:
		return "the string " + quote(v)
	case int64:
		return "the number " + strconv.FormatInt(v, 10)
	case float64:
		return "a decimal number"
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	}
	return "an array"
}

// wanted says how a value of type t is written.
func wanted(in any, t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Size]():
		if n, ok := in.(int64); ok && n > 0 {
			return fmt.Sprintf("it with a unit and in quotes, like \"%dB\" or \"64KiB\"", n)
		}
		return `a size in quotes, like "64KiB"`
	case reflect.TypeFor[Duration]():
		if n, ok := in.(int64); ok && n > 0 {
			return fmt.Sprintf("it with a unit and in quotes, like \"%ds\" or \"250ms\"", n)
		}
		return `a duration in quotes, like "30s"`
	case reflect.TypeFor[Endpoint]():
		return `"host:port" or { address = "host:port", weight = 2 }`
	case reflect.TypeFor[ProxyProtocol]():
		return `a table, like { from = ["10.0.0.0/8"] }`
	case reflect.TypeFor[[]*Certificate](), reflect.TypeFor[Certificate]():
		return `certificates = [{ cert = "FILE", key = "FILE" }]`
	case reflect.TypeFor[[]*Forward]():
		return "[[listeners.NAME.forward]] before each entry"
	case reflect.TypeFor[[]*Route]():
		return "[[routes]] before each route"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false, without quotes"
	case reflect.Int:
		return "a whole number without quotes"
	case reflect.String:
		return "a string in quotes"
	case reflect.Slice:
		return "an array in brackets, like [\"...\"]"
	}
	return "a table with named keys"
}
