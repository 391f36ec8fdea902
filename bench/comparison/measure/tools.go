package measure

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
)

// Tools are the programs that cross-check our generator, with the arguments that
// make each tell its version.
var Tools = map[string][]string{"wrk": {"-v"}, "h2load": {"--version"}}

// ToolMissing says what to install before a tool can run; "" if it can.
func ToolMissing(name string) string {
	if _, err := exec.LookPath(name); err != nil {
		pkg := map[string]string{"h2load": "nghttp2-client"}[name]
		if pkg == "" {
			pkg = name
		}
		return fmt.Sprintf("%s is not installed (apt-get install %s)", name, pkg)
	}
	return ""
}

// runTool runs wrk or h2load and measures the processor time of the tree of pid
// around it.
func runTool(ctx context.Context, place peers.Place, planned time.Duration, pid int, command []string) results.Sample {
	before, err := treeCPU(pid)
	if err != nil {
		return results.Sample{Faults: err.Error()}
	}
	start := time.Now()
	stdout, stderr, err := execute(ctx, place, planned, command[0], command[1:]...)
	elapsed := time.Since(start)
	if err != nil {
		return results.Sample{Faults: complaint(err, stderr)}
	}
	after, err := treeCPU(pid)
	if err != nil {
		return results.Sample{Faults: err.Error()}
	}
	return toolSample(command[0], string(stdout), after-before, elapsed)
}

// toolSample is what output and the processor time say.
func toolSample(tool, output string, cpu, elapsed time.Duration) results.Sample {
	parse := parseWrk
	if tool == "h2load" {
		parse = parseH2load
	}
	requests, wrong, err := parse(output)
	switch {
	case err != nil:
		return results.Sample{Faults: err.Error()}
	case requests == 0:
		return results.Sample{Faults: "no request was answered"}
	}
	s := results.Sample{
		CPUSeconds: cpu.Seconds(), CPUMicros: cpu.Seconds() * 1e6 / float64(requests),
		Elapsed: elapsed.Seconds(), Throughput: float64(requests) / elapsed.Seconds(),
	}
	if wrong != "" {
		s.Faults = tool + ": " + wrong
	}
	return s
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkWrong    = regexp.MustCompile(`(?m)^\s*(Socket errors: .*|Non-2xx or 3xx responses: \d+)$`)
	h2Requests  = regexp.MustCompile(`(?m)^requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2Statuses  = regexp.MustCompile(`(?m)^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx`)
)

var errOutput = errors.New("the output of the tool is not as expected")

// parseWrk reads what wrk prints: how many were answered, and what went wrong.
func parseWrk(output string) (requests int, wrong string, err error) {
	m := wrkRequests.FindStringSubmatch(output)
	if m == nil {
		return 0, "", fmt.Errorf("wrk: %w", errOutput)
	}
	requests, err = strconv.Atoi(m[1])
	var lines []string
	for _, w := range wrkWrong.FindAllStringSubmatch(output, -1) {
		lines = append(lines, w[1])
	}
	return requests, strings.Join(lines, ", "), err
}

// parseH2load reads what h2load prints.
func parseH2load(output string) (requests int, wrong string, err error) {
	m, s := h2Requests.FindStringSubmatch(output), h2Statuses.FindStringSubmatch(output)
	if m == nil || s == nil {
		return 0, "", fmt.Errorf("h2load: %w", errOutput)
	}
	requests, err = strconv.Atoi(m[1])
	for _, n := range append(m[2:], s[1:]...) {
		if n != "0" {
			wrong = fmt.Sprintf("%s failed, %s errored, %s timeout; statuses: %s 3xx, %s 4xx, %s 5xx", m[2], m[3], m[4], s[1], s[2], s[3])
		}
	}
	return requests, wrong, err
}
