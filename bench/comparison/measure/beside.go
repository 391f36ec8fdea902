package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"weir/bench"
	"weir/bench/comparison/peers"
)

// besideShare is how much of its rate a load beside another must have had. A proxy
// that does less has had an easier time than the others.
const besideShare = 0.9

// besideStops is how long a generator may take to end after it was told to.
const besideStops = 10 * time.Second

// beside starts weir bench with args at place, as a load that goes on while something
// else is measured. The returned function ends it and says what was wrong with it, ""
// if nothing was.
func beside(ctx context.Context, place peers.Place, weir string, args []string, planned time.Duration) (stop func() string) {
	ctx, cancel := context.WithCancel(ctx)
	args = append([]string{"bench"}, args...)
	args = append(args, "--json", "--warmup", "0s", "--duration", (planned + overdue).String())
	cmd := exec.CommandContext(ctx, weir, args...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { // it reports what it has
		if err := unix.Kill(-cmd.Process.Pid, unix.SIGINT); err != unix.ESRCH {
			return err
		}
		return os.ErrProcessDone
	}
	cmd.WaitDelay = besideStops
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	started := place.StartAt(cmd)
	return func() string {
		defer cancel()
		if started != nil {
			return "beside it: " + started.Error()
		}
		cancel()
		if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			return "beside it: " + complaint(err, complaints.Bytes())
		}
		return judgeBeside(out.Bytes(), args)
	}
}

// judgeBeside reads what a load beside another has reported.
func judgeBeside(out []byte, args []string) string {
	r := new(bench.Result)
	if err := json.Unmarshal(out, r); err != nil {
		return "beside it: " + err.Error()
	}
	for i, a := range args {
		if a != "--rate" || i+1 == len(args) {
			continue
		}
		if rate, err := strconv.ParseFloat(args[i+1], 64); err == nil && r.Throughput < besideShare*rate {
			return fmt.Sprintf("beside it: %.0f a second instead of %g", r.Throughput, rate)
		}
	}
	return ""
}
