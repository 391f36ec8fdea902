package e2e

import (
	"bufio"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"weir/configs"
)

// Every example starts as it is, but for its ports, and serves: a request to it is
// answered, by a route of its own or because none of its endpoints is there.
func TestExamplesStart(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.toml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	dead := deadAddr(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := configs.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) > 0 {
				t.Errorf("warnings: %v", cfg.Warnings)
			}
			cfg.Log.Access, cfg.Log.Level = "stdout", "debug"
			for _, ln := range cfg.Listeners {
				ln.Address = "127.0.0.1:0"
			}
			for _, c := range cfg.Clusters {
				c.Endpoints = []configs.Endpoint{{Address: dead, Weight: 1}}
			}
			w := startConfig(t, cfg)
			for name := range cfg.Listeners {
				c := dialRaw(t, w.engine.Addr(name))
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody.example\r\nConnection: close\r\n\r\n")
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatalf("listener %s: %v", name, err)
				}
				_ = res.Body.Close()
				_ = c.Close()
			}
		})
	}
}
