package acme

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An authority cannot lead the client away from TLS, nor fill its memory.
func TestResponsesAreBounded(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("asked without TLS")
	}))
	defer plain.Close()
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, plain.URL, http.StatusTemporaryRedirect)
			return
		}
		w.Write(make([]byte, maxResponseBytes+5000))
	}))
	defer authority.Close()
	client := &http.Client{Transport: boundedTransport{authority.Client().Transport.(*http.Transport)}}
	if _, err := client.Get(authority.URL + "/away"); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("redirect: %v", err)
	}
	response, err := client.Get(authority.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); len(body) != maxResponseBytes || err != nil {
		t.Errorf("%d bytes: %v", len(body), err)
	}
}

func TestRequestsAreRepeatedFewTimes(t *testing.T) {
	for _, c := range []struct {
		tries, status int
		want          time.Duration
	}{
		{1, 400, 50 * time.Millisecond},
		{4, 400, 50 * time.Millisecond},
		{5, 400, 0},
		{1, 503, 2 * time.Second},
		{4, 503, 16 * time.Second},
		{5, 503, 0},
		{1, 429, 0},
	} {
		if got := requestBackoff(c.tries, nil, &http.Response{StatusCode: c.status}); got != c.want {
			t.Errorf("try %d, status %d: %v, want %v", c.tries, c.status, got, c.want)
		}
	}
}
