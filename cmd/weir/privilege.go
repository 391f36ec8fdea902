package main

import (
	"errors"
	"fmt"
	"os"

	"weir/engine"
	"weir/engine/intercept"
)

// remedy adds what to do about a capability that is missing.
func remedy(err error) error {
	switch {
	case errors.Is(err, intercept.ErrCapability):
		return fmt.Errorf("%w\nnothing was changed; run it as root, or once: %s", err, setcap(executable()))
	case errors.Is(err, engine.ErrPrivilege):
		return fmt.Errorf("%w\nrun it as root, or once: %s", err, setcap(executable()))
	}
	return err
}

func executable() string {
	if self, err := os.Executable(); err == nil {
		return self
	}
	return "weir"
}

// setcap is the command that lets a binary do without root.
func setcap(binary string) string {
	return "sudo setcap cap_net_admin,cap_net_raw+ep " + quoteShell(binary)
}
