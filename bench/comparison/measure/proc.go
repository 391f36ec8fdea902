package measure

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ticks a second in /proc, which Linux has on every architecture that Go runs on.
const ticks = 100

// treeCPU is the processor time that pid and its descendants have used, with that of
// children they have waited for. Resolution: 10 ms a process.
func treeCPU(pid int) (time.Duration, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	children := map[int][]int{}
	used := map[int]time.Duration{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent, cpu, err := parseStat(b)
		if err != nil {
			return 0, err
		}
		children[parent] = append(children[parent], id)
		used[id] = cpu
	}
	if _, ok := used[pid]; !ok {
		return 0, errors.New("no process " + strconv.Itoa(pid))
	}
	var sum time.Duration
	for todo := []int{pid}; len(todo) > 0; {
		id := todo[0]
		todo = append(todo[1:], children[id]...)
		sum += used[id]
	}
	return sum, nil
}

var errStat = errors.New("/proc/PID/stat cannot be read")

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The second field is a name in
// parentheses that may hold anything.
func parseStat(b []byte) (parent int, cpu time.Duration, err error) {
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // f[0] is field 3
	const first, ppid, utime, cstime = 3, 4, 14, 17
	if len(f) <= cstime-first {
		return 0, 0, errStat
	}
	if parent, err = strconv.Atoi(string(f[ppid-first])); err != nil {
		return 0, 0, errStat
	}
	for _, word := range f[utime-first : cstime-first+1] {
		n, err := strconv.ParseInt(string(word), 10, 64)
		if err != nil {
			return 0, 0, errStat
		}
		cpu += time.Duration(n) * time.Second / ticks
	}
	return parent, cpu, nil
}
