package route

import (
	"testing"

	"weir/configs"
)

func TestHeaderRules(t *testing.T) {
	table := mustCompile(t, &configs.Route{
		Name: "r",
		RequestHeaders: configs.HeaderRules{
			Set:    map[string]string{"X-Real-IP": "{client_ip}", "Host": "internal", "X-B": "{{{method} {query}"},
			Add:    map[string]string{"X-B": "{route}/{cluster}/{endpoint}", "X-A": "$1 {uri}"},
			Remove: []string{"Cookie", "x-debug"},
		},
	})
	h := &table.Routes()[0].RequestHeaders
	v := &Vars{
		ClientIP: []byte("192.0.2.1"), Method: []byte("GET"), Path: []byte("/p"), Query: []byte("a\r\nb: c"), HasQuery: true,
		Route: "r", Cluster: "c", Endpoint: "127.0.0.1:1",
	}
	want := "kept" +
		"Host: internal\r\n" +
		"X-B: {GET ab: c\r\n" +
		"X-Real-IP: 192.0.2.1\r\n" +
		"X-A: $1 /p?ab: c\r\n" +
		"X-B: r/c/127.0.0.1:1\r\n"
	if got := string(h.Append([]byte("kept"), v)); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	for name, drops := range map[string]bool{
		"cookie": true, "COOKIE": true, "Cookie2": false, "Cooki": false, "X-Debug": true, "x-real-ip": true, "X-B": true,
		"x-a": false, "Host": true, "": false, "X_Debug": false, "x-dебug": false, "accept": false,
	} {
		if h.Drops([]byte(name)) != drops {
			t.Errorf("Drops(%q) is not %v", name, drops)
		}
	}
	if h.Empty() || !h.SetsHost() {
		t.Error("rules are empty, or set no host")
	}
	none := &table.Routes()[0].ResponseHeaders
	if !none.Empty() || none.SetsHost() || none.Drops([]byte("cookie")) || len(none.Append(nil, v)) != 0 {
		t.Error("the zero value does something")
	}
}

func TestVarsInFields(t *testing.T) {
	v := &Vars{
		ClientIP: []byte("1"), ClientPort: []byte("2"), Host: []byte("3"), Method: []byte("4"), Path: []byte("5"),
		Query: []byte("6"), RequestID: []byte("7"), Scheme: "8", Route: "9", Cluster: "10", Endpoint: "11",
	}
	rules, err := compileHeaders(configs.HeaderRules{Add: map[string]string{
		"X": "{client_ip} {client_port} {host} {method} {path} {query} {request_id} {scheme} {route} {cluster} {endpoint} {uri}",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(rules.Append(nil, v)); got != "X: 1 2 3 4 5 6 7 8 9 10 11 5\r\n" {
		t.Errorf("%q", got)
	}
}

func TestErrorPages(t *testing.T) {
	table, err := Compile(nil, nil, map[string]*configs.ErrorPage{
		"404": {Body: "<style>p{x:y}</style>{status} {reason} {request_id}", Type: "text/html"},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := table.ErrorPage(404)
	if page == nil || page.ContentType != "text/html" {
		t.Fatalf("page is %+v", page)
	}
	v := &Vars{RequestID: []byte("a-1<script>\"'\r\n\\&")}
	if got := string(page.Append([]byte("kept"), v, 404, "Not Found")); got != "kept<style>p{x:y}</style>404 Not Found a-1script" {
		t.Errorf("%q", got)
	}
	for _, status := range []int{-1, 0, 200, 403, 503, 600, 1 << 30} {
		if table.ErrorPage(status) != nil {
			t.Errorf("a page for %d", status)
		}
	}
}
