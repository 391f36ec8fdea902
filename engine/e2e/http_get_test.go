package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGetGoesThroughAndComesBack(t *testing.T) {
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("X-Seen", r.Method+" "+r.URL.RequestURI()+" "+r.Host)
		_, _ = rw.Write(append([]byte("hello "), body...))
	})
	w := start(t, oneCluster(backend))
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 3 {
		res, err := client.Post("http://"+w.addr+"/a?b=c", "text/plain", strings.NewReader("there"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(body) != "hello there" || res.StatusCode != 200 {
			t.Fatalf("%d %q %v", res.StatusCode, body, err)
		}
		if got := res.Header.Get("X-Seen"); got != "POST /a?b=c "+w.addr {
			t.Errorf("the backend saw %q", got)
		}
	}
	if s := w.stats(); s.Dialled != 1 || s.Reused != 2 || s.Accepted != 1 {
		t.Errorf("dialled %d, reused %d, accepted %d; want 1, 2, 1", s.Dialled, s.Reused, s.Accepted)
	}
}
