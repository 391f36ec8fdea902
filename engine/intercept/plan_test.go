package intercept

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/configs"
)

var update = flag.Bool("update", false, "rewrite the .want files")

// Each testdata/NAME.toml has a NAME.want: what is printed for it, for each tool. The
// tests in namespaces show that this is what up makes, and what it does.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := configs.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, tool := range []Tool{Nft, Iptables} {
				got.WriteString("# " + string(tool) + "\n" + Script(NewPlan(cfg), tool) + "\n")
			}
			golden := strings.TrimSuffix(file, ".toml") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
			}
		})
	}
}

func TestEmptyPlan(t *testing.T) {
	for name, text := range map[string]string{
		"no listener is transparent": "[listeners.edge]\naddress = \":80\"\n[[routes]]\nrespond = {}\n",
		"rules by others":            "[listeners.edge]\naddress = \":80\"\ntransparent = \"tproxy\"\n[[routes]]\nrespond = {}\n",
	} {
		if p := planOf(t, text); !p.Empty() || len(p.chains()) > 0 || len(p.deliveries()) > 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
