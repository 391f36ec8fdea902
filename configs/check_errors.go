package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"unicode/utf8"
)

// maxPage bounds a body that is held in memory for every answer of its kind.
const maxPage = 1 << 20

func (ck *checker) errorPages() {
	at := pathOf("errors")
	for _, status := range ordered(ck.cfg.Errors) {
		p := at.child(status)
		if n, err := strconv.Atoi(status); err != nil || n < 400 || n > 599 || len(status) != 3 {
			ck.problemf(p, "write a status from 400 to 599, like [errors.404]", "%s is not a status of an error", quote(status))
		}
		page := ck.cfg.Errors[status]
		if page == nil {
			page = NewErrorPage("")
			ck.cfg.Errors[status] = page
		}
		ck.errorPage(p, page)
	}
}

func (ck *checker) errorPage(p keyPath, page *ErrorPage) {
	body := p.child("body")
	switch {
	case page.File != "" && (page.Body != "" || ck.lines.has(body)):
		ck.problemf(p.child("file"), "keep one of them", "errors.%s has both body and file", p.last())
	case page.File != "":
		body = p.child("file")
		ck.readPage(body, page)
	case page.Body == "" && !ck.lines.has(body):
		ck.missingf(p, "give it one of them", "errors.%s has neither body nor file", p.last())
	}
	if len(page.Body) > maxPage {
		ck.problemf(body, "at most 1MiB", "the body of errors.%s is too large", p.last())
	}
	if _, err := ParseTemplate(page.Body, ErrorVars); err != nil {
		ck.problemErr(body, err)
	}
	ck.contentType(p.child("type"), page.Type)
}

// readPage moves the text of page.File into page.Body, and clears File, so that
// the page is complete and may be checked again.
func (ck *checker) readPage(p keyPath, page *ErrorPage) {
	path := ck.resolve(page.File)
	text, err := readBounded(path, maxPage)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) && path != page.File {
			hint = relativeHint
		}
		ck.problemf(p, hint, "file %s: %s", quote(page.File), reason(err))
		return
	}
	page.Body, page.File = string(text), ""
}

// contentType reports a value that could not be sent as a Content-Type.
func (ck *checker) contentType(p keyPath, v string) {
	if v == "" || !isFieldText(v) || !utf8.ValidString(v) {
		ck.problemf(p, fmt.Sprintf("write a media type, like %q", "text/html; charset=utf-8"), "type %s is not a media type", quote(v))
	}
}
