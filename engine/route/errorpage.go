package route

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"weir/configs"
)

// ErrorPage is the body of an answer weir itself makes. It is immutable.
type ErrorPage struct {
	ContentType string
	body        template
}

// ErrorPage returns the page for a status, or nil when the short plain body is used.
func (t *Table) ErrorPage(status int) *ErrorPage {
	if status < 0 || status >= len(t.pages) {
		return nil
	}
	return t.pages[status]
}

// Append appends the body. Of v only RequestID is used; characters of it that mean
// something in markup or in a string are left out. reason is a constant of ours.
func (e *ErrorPage) Append(dst []byte, v *Vars, status int, reason string) []byte {
	for _, p := range e.body {
		switch p.name {
		case configs.VarNone:
			dst = append(dst, p.text...)
		case configs.VarStatus:
			dst = strconv.AppendInt(dst, int64(status), 10)
		case configs.VarReason:
			dst = append(dst, reason...)
		case configs.VarRequestID:
			dst = appendHarmless(dst, v.RequestID)
		}
	}
	return dst
}

func appendHarmless(dst, s []byte) []byte {
	for _, c := range s {
		if pathClasses[c] == classUnreserved || c == ':' || c == '=' || c == '+' {
			dst = append(dst, c)
		}
	}
	return dst
}

func (t *Table) compilePages(pages map[string]*configs.ErrorPage) error {
	for _, key := range slices.Sorted(maps.Keys(pages)) {
		status, err := strconv.Atoi(key)
		if err != nil || status < 400 || status >= len(t.pages) {
			return fmt.Errorf("errors.%s: not a status from 400 to 599", key)
		}
		body, err := configs.ParseTemplate(pages[key].Body, configs.ErrorVars)
		if err != nil {
			return fmt.Errorf("errors.%s: %w", key, err)
		}
		page := &ErrorPage{ContentType: pages[key].Type}
		for _, p := range body {
			page.body = append(page.body, part{text: p.Text, name: p.Var})
		}
		t.pages[status] = page
	}
	return nil
}
