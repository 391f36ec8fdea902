package peers

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestProxyAndOthersShareNoProcessor(t *testing.T) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	if proxy, others := Places(all.Count()); proxy.set != nil || others.set != nil {
		t.Error("as many workers as processors: want no places")
	}
	if all.Count() < 2 {
		return
	}
	proxy, others := Places(1)
	if proxy.set.Count() != 1 || others.set.Count() != all.Count()-1 {
		t.Fatalf("%d for the proxy, %d for the others, of %d", proxy.set.Count(), others.set.Count(), all.Count())
	}
	for cpu := range 1024 {
		if proxy.set.IsSet(cpu) && others.set.IsSet(cpu) {
			t.Errorf("processor %d is in both", cpu)
		}
	}
	var out strings.Builder
	cmd := exec.Command("nproc")
	cmd.Stdout = &out
	if err := proxy.StartAt(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || strings.TrimSpace(out.String()) != "1" {
		t.Errorf("a process on one processor sees %q, %v", out.String(), err)
	}
	var after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &after); err != nil || after.Count() != all.Count() {
		t.Errorf("the thread has %d processors left of %d, %v", after.Count(), all.Count(), err)
	}
}
