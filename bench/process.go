package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc, the same on every Linux.
const ticksPerSecond = 100

// usage is what a process and its descendants had used at one moment.
type usage struct {
	cpu time.Duration // to the nanosecond for processes that run, to 10 ms for ended ones
	rss int64         // bytes; pages shared by two processes count twice
}

// meter measures the process under test. With PID 0 it does nothing.
type meter struct {
	pid            int
	idle, full     usage // before the first connection; when all are open
	atBegin, atEnd usage // of the window
	lost           error
	haveEnds       bool
}

func newMeter(pid int) (*meter, error) {
	m := &meter{pid: pid}
	if pid == 0 {
		return m, nil
	}
	var err error
	if m.idle, err = readTree(pid); err != nil {
		return nil, fmt.Errorf("pid: %w", err)
	}
	return m, nil
}

func (m *meter) sample(to *usage) {
	if m.pid == 0 || m.lost != nil {
		return
	}
	var err error
	if *to, err = readTree(m.pid); err != nil {
		m.lost = fmt.Errorf("pid: the process ended during the run: %w", err)
	}
}

func (m *meter) opened() { m.sample(&m.full) }
func (m *meter) begin()  { m.sample(&m.atBegin) }
func (m *meter) end()    { m.sample(&m.atEnd); m.haveEnds = true }

// readTree sums pid and its descendants. Children of one that ended meanwhile are
// missed; their CPU time is not, once their parent has waited for them.
func readTree(pid int) (usage, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return usage{}, err
	}
	stats := map[int]procStat{}
	children := map[int][]int{}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(id); err == nil { // else it ended since ReadDir
			stats[id] = s
			children[s.parent] = append(children[s.parent], id)
		}
	}
	if _, ok := stats[pid]; !ok {
		return usage{}, fmt.Errorf("there is no process %d", pid)
	}
	var sum usage
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		sum.cpu += stats[id].exactCPU(id)
		sum.rss += readRSS(id, stats[id].rss)
		queue = append(queue, children[id]...)
	}
	return sum, nil
}

// procStat is the part of /proc/PID/stat that is of use (proc_pid_stat(5)).
type procStat struct {
	parent int
	cpu    time.Duration // own and waited-for
	waited time.Duration // the part of cpu that children used which have ended
	rss    int64
}

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

func parseStat(b []byte) (s procStat, err error) {
	// The second field is the name in parentheses, which may hold anything.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return s, errors.New("no name")
	}
	f := bytes.Fields(b[i+1:]) // f[0] is field 3, the state
	if len(f) < 22 {
		return s, errors.New("too few fields")
	}
	number := func(field int) int64 {
		n, e := strconv.ParseInt(string(f[field-3]), 10, 64)
		if e != nil {
			err = e
		}
		return n
	}
	s.parent = int(number(4))
	const tick = time.Second / ticksPerSecond
	s.waited = time.Duration(number(16)+number(17)) * tick
	s.cpu = time.Duration(number(14)+number(15))*tick + s.waited
	s.rss = number(24) * int64(os.Getpagesize())
	return s, err
}

// readRSS prefers smaps_rollup: the counter in stat is kept per CPU and off by up
// to some hundred KiB, which matters when divided by connections.
func readRSS(pid int, fallback int64) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return fallback
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		f := bytes.Fields(lines.Bytes())
		if len(f) == 3 && string(f[0]) == "Rss:" && string(f[2]) == "kB" {
			if n, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return fallback
}
