package main

import (
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestPageIsSelfContained(t *testing.T) {
	w := httptest.NewRecorder()
	newPage().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	page := w.Body.String()

	for _, pattern := range []string{`(?i)https?://`, `(?i)\bsrc\s*=`, `(?i)\bimport\b`, `(?i)@import`, `url\(`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the page loads something: %q", found)
		}
	}
	// What a peer sent may only become text.
	for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", " style=", " onclick="} {
		if strings.Contains(page, sink) {
			t.Errorf("the page has %q", sink)
		}
	}
	if strings.Contains(page, "/*style*/") || strings.Contains(page, "/*script*/") {
		t.Error("a part of the page is missing")
	}
}

// The browser runs the script only if the hash in the policy is that of the bytes
// between the tags.
func TestPagePolicyMatchesThePage(t *testing.T) {
	w := httptest.NewRecorder()
	newPage().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for tag, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		parts := regexp.MustCompile(`(?s)<`+tag+`[^>]*>(.*?)</`+tag+`>`).FindAllStringSubmatch(w.Body.String(), -1)
		if len(parts) != 1 {
			t.Fatalf("%d <%s> elements", len(parts), tag)
		}
		if want := directive + " '" + sourceHash(parts[0][1]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
}

func TestPageControlsHaveNames(t *testing.T) {
	page := pageFile("page.html")
	for _, control := range regexp.MustCompile(`<(input|select|canvas)[^>]*>`).FindAllStringIndex(page, -1) {
		element := page[control[0]:control[1]]
		id := regexp.MustCompile(`id="([^"]*)"`).FindStringSubmatch(element)
		if id == nil {
			t.Errorf("%s has no id", element)
			continue
		}
		before := page[:control[0]]
		wrapped := strings.Count(before, "<label") > strings.Count(before, "</label>")
		if !wrapped && !strings.Contains(page, `for="`+id[1]+`"`) && !strings.Contains(element, "aria-label") {
			t.Errorf("%s has no label", element)
		}
	}
}

// A script that is embedded and not joined would be missed by nobody but users.
func TestPageUsesEveryScript(t *testing.T) {
	files, err := pageFiles.ReadDir("demo")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if path.Ext(f.Name()) == ".js" && !slices.Contains(pageScripts, f.Name()) {
			t.Errorf("%s is not in the page", f.Name())
		}
	}
	// Every element the scripts ask for exists.
	page := pageFile("page.html")
	for _, name := range pageScripts {
		for _, id := range regexp.MustCompile(`byId\("([^"]*)"\)`).FindAllStringSubmatch(pageFile(name), -1) {
			if !strings.Contains(page, `id="`+id[1]+`"`) {
				t.Errorf("%s asks for #%s, which is not in the page", name, id[1])
			}
		}
	}
}
