package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"weir/configs"
	"weir/engine/reactor"
)

// ErrPrivilege is the error of a process that may not do what its configuration asks for:
// one of the two would do.
var ErrPrivilege = errors.New("CAP_NET_ADMIN or CAP_NET_RAW is missing")

// checkPrivileges tries what the kernel allows to some processes only, before anything
// is bound, so that the error says what is missing and not what failed for want of it.
func checkPrivileges(cfg *configs.Config) error {
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		if cfg.Listeners[name].Transparent == "tproxy" {
			if err := privilege(reactor.CheckTransparent()); err != nil {
				return fmt.Errorf("listener %q: transparent = \"tproxy\": %w", name, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Clusters)) {
		c := cfg.Clusters[name]
		if c.Source != "" && c.Source != "self" {
			if err := privilege(reactor.CheckTransparent()); err != nil {
				return fmt.Errorf("cluster %q: source = %q: %w", name, c.Source, err)
			}
		}
		if c.Mark != 0 {
			if err := privilege(reactor.CheckMark()); err != nil {
				return fmt.Errorf("cluster %q: mark = %d: %w", name, c.Mark, err)
			}
		}
	}
	return nil
}

// privilege names what a refusal is for want of.
func privilege(err error) error {
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w (%w)", ErrPrivilege, err)
	case errors.Is(err, syscall.ENOPROTOOPT):
		return fmt.Errorf("this kernel has no transparent proxying: %w", err)
	}
	return err
}
