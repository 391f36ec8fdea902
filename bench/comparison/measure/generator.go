package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/bench"
	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
)

// overdue is how much longer than planned a generator may take before it is taken
// for stuck.
const overdue = 2 * time.Minute

// execute runs a program at place to its end in a process group of its own, and kills the
// group when ctx ends or it is overdue. err is that of the program.
func execute(ctx context.Context, place peers.Place, planned time.Duration, binary string, args ...string) (stdout, stderr []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, planned+overdue)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err = place.StartAt(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.Bytes(), complaints.Bytes(), err
}

// Generate runs weir bench at place with args and turns what it measured into a sample.
// Whatever goes wrong is in the sample's faults.
func Generate(ctx context.Context, place peers.Place, weir string, planned time.Duration, args ...string) results.Sample {
	stdout, stderr, err := execute(ctx, place, planned, weir, append([]string{"bench"}, args...)...)
	r := new(bench.Result)
	if bad := json.Unmarshal(stdout, r); bad != nil {
		if err == nil {
			err = bad
		}
		return results.Sample{Faults: complaint(err, stderr)}
	}
	s := results.Of(r)
	s.Faults = faults(r, err, stderr)
	if s.Faults == "" && slices.Contains(args, "--resume") {
		s.Faults = notResumed(r.TLS)
	}
	return s
}

// resumedShare is how many handshakes of those that should resume must have done so:
// all but the first few, which have no ticket yet.
const resumedShare = 0.9

func notResumed(r *bench.TLSResult) string {
	if r != nil && float64(r.Resumed) >= resumedShare*float64(r.Handshakes) {
		return ""
	}
	return fmt.Sprintf("the sessions were not resumed: %+v", r)
}

// faults is what makes a result worthless, "" if nothing does.
func faults(r *bench.Result, err error, stderr []byte) string {
	var list []string
	if err != nil {
		list = append(list, complaint(err, stderr))
	}
	if r.Storm != nil && r.Storm.Returned < r.Storm.Cut {
		list = append(list, fmt.Sprintf("%d of %d came back", r.Storm.Returned, r.Storm.Cut))
	}
	if r.Process == nil {
		list = append(list, "the process under test was lost")
	}
	if len(list) == 0 {
		return ""
	}
	for _, kind := range slices.Sorted(maps.Keys(r.ErrorKinds)) {
		list = append(list, fmt.Sprintf("%d %s", r.ErrorKinds[kind], kind))
	}
	return strings.Join(list, ", ")
}

// complaint is err with the last line a program wrote about it.
func complaint(err error, stderr []byte) string {
	lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
	if last := strings.TrimPrefix(lines[len(lines)-1], "weir: "); last != "" {
		return last
	}
	return err.Error()
}
