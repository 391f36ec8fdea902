package main

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

//go:embed demo
var pageFiles embed.FS

// pageScripts are joined in this order into the one script of the page.
var pageScripts = []string{"socket.js", "stats.js", "echo.js", "chat.js", "inspect.js", "tabs.js"}

// newPage serves the demo page: one file that loads nothing else. The policy that
// goes with it runs the page's own script and style, by hash, and lets it talk to
// where it came from only.
func newPage() http.Handler {
	var script strings.Builder
	for _, name := range pageScripts {
		script.WriteString(pageFile(name))
	}
	style := pageFile("page.css")
	html := strings.NewReplacer("/*style*/", style, "/*script*/", script.String()).Replace(pageFile("page.html"))
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		sourceHash(script.String()), sourceHash(style))

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte(html))
	})
}

// sourceHash names an inline script or style in a Content-Security-Policy.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func pageFile(name string) string {
	b, err := pageFiles.ReadFile("demo/" + name)
	if err != nil {
		panic(err) // embedded at build
	}
	return string(b)
}
