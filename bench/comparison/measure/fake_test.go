package measure

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/bench"
)

// The test binary stands in for weir and for this program's own peers: whatever it
// is started as, it serves HTTP or prints a result at once. FAKE is its script:
// words such as slow=ADDRESS-PART that change what it does.
const script = "COMPARE_TEST_FAKE"

func TestMain(m *testing.M) {
	if os.Getenv(script) != "" {
		os.Exit(fake(os.Args[1:], os.Getenv(script)))
	}
	os.Exit(m.Run())
}

// argument is what follows name.
func argument(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

var listens = regexp.MustCompile(`address = "([^"]+)"`)

func fake(args []string, script string) int {
	switch args[0] {
	case "run":
		config, _ := os.ReadFile(argument(args, "-c"))
		return serve(string(listens.FindSubmatch(config)[1]))
	case "peer":
		if strings.Contains(script, "dead="+args[1]) {
			fmt.Fprintln(os.Stderr, "I am not well")
			return 1
		}
		return serve(argument(args, "--listen"))
	}
	if args[1] == "serve" {
		return serve(argument(args, "--address"))
	}
	return generate(args, script)
}

func serve(address string) int {
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) }))
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// meet makes a load run beside the one that is measured: the first is there until
// Ctrl-C, and file with it, and the other waits for it.
func meet(file string, beside bool) bool {
	if beside {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt)
		if os.WriteFile(file, nil, 0o600) != nil {
			return false
		}
		<-stop
		return os.Remove(file) == nil
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// generate prints what a generator would. It runs in the peer's place, so it knows
// who is measured by the command line of --pid.
func generate(args []string, script string) int {
	if strings.Contains(script, "stuck") {
		time.Sleep(time.Minute)
	}
	if _, file, found := strings.Cut(script, "beside="); found && !meet(file, args[1] == "tls") {
		return 1
	}
	pid, _ := strconv.Atoi(argument(args, "--pid"))
	rate, _ := strconv.ParseFloat(argument(args, "--rate"), 64)
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	r := &bench.Result{Throughput: 1000, Rate: rate, Elapsed: 1, Process: &bench.ProcessUsage{PID: pid, CPUMicrosPerUnit: 10}}
	code := 0
	if strings.Contains(string(cmdline), "httputil") {
		r.Throughput = 401
		if strings.Contains(script, "errors") {
			r.Lost, r.ErrorKinds, code = 2, map[string]int{"reset": 2}, 1
			fmt.Fprintln(os.Stderr, "weir: 0 errors, 0 connections not opened, 2 lost")
		}
	}
	if strings.Contains(script, "garbage") {
		fmt.Println("no JSON")
		return 0
	}
	json.NewEncoder(os.Stdout).Encode(r)
	return code
}
