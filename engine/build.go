package engine

import (
	"context"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"weir/configs"
	"weir/engine/cluster"
	"weir/engine/observe"
	"weir/engine/route"
)

// lookupTimeout bounds the resolution of one host name, at start.
const lookupTimeout = 5 * time.Second

// build compiles the configuration into loops that are ready to run.
func (e *Engine) build(opt Options) (err error) {
	cfg := e.cfg
	if e.log, err = observe.NewLogger(opt.Stderr, cfg.Log.Level, cfg.Log.Format); err != nil {
		return err
	}
	e.access, err = observe.OpenAccessLog(cfg.Log.Access, opt.Stdout, func(err error) {
		e.log.Error("access log lines are being lost", zap.Error(err))
	})
	if err != nil {
		return err
	}
	clusters, index, err := compileClusters(cfg)
	if err != nil {
		return err
	}
	table, err := route.Compile(cfg.Routes, index, cfg.Errors)
	if err != nil {
		return err
	}
	if err := checkPrivileges(cfg); err != nil {
		return err
	}
	if e.limit, err = connectionLimit(cfg.Engine.MaxConnections); err != nil {
		return err
	}
	count := cfg.Engine.Loops
	if count == 0 {
		count = runtime.NumCPU()
	}
	for i := range count {
		l, err := e.newLoop(i, count, table, clusters)
		if err != nil {
			return err
		}
		e.loops = append(e.loops, l)
	}
	if err := e.secure(clusters); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		if err := e.listen(name, cfg.Listeners[name], index); err != nil {
			return wrap("listener", name, err)
		}
	}
	return nil
}

// compileClusters gives every cluster a dense index, by name.
func compileClusters(cfg *configs.Config) ([]*cluster.Cluster, map[string]int, error) {
	var list []*cluster.Cluster
	index := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Clusters)) {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		c, err := cluster.Compile(ctx, name, cfg.Clusters[name], net.DefaultResolver.LookupNetIP)
		cancel()
		if err != nil {
			return nil, nil, err
		}
		index[name] = len(list)
		list = append(list, c)
	}
	return list, index, nil
}

// reservedFDs are descriptors that connections do not get: the process's own, and
// a dozen a loop.
const reservedFDs = 128

// connectionLimit is how many downstream connections there may be, each of which
// may need an upstream one.
func connectionLimit(configured int) (int64, error) {
	if configured > 0 {
		return int64(configured), nil
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("getrlimit: %w", err)
	}
	return max(int64(min(r.Cur, 1<<30))-reservedFDs, 64) / 2, nil
}
