package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a mistake in the command line: exit code 2, and a pointer to the
// help of the command instead of all of it.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// knownCommand refuses an argument where a command was expected.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	msg := fmt.Sprintf("unknown command %q", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "weir "))
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		msg += fmt.Sprintf("; did you mean '%s %s'?", cmd.CommandPath(), near[0])
	}
	return usagef("%s", msg)
}

// onlyFlags refuses arguments. A lone one to a command that has a --config flag is
// most likely the file.
func onlyFlags(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if len(args) == 1 && cmd.Flags().Lookup("config") != nil {
		return usagef("unexpected argument %q; did you mean '%s -c %s'?", args[0], cmd.CommandPath(), args[0])
	}
	return usagef("unexpected argument %q; '%s' takes none", args[0], cmd.CommandPath())
}

// flagError turns the errors of flag parsing into usage errors, with the nearest
// flag for one that does not exist.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if cmd.HasSubCommands() {
		// The flag may belong to the command that was misspelt.
		if unknown := knownCommand(cmd, cmd.Flags().Args()); unknown != nil {
			return unknown
		}
	}
	var missing *pflag.NotExistError
	if errors.As(err, &missing) && missing.GetSpecifiedShortnames() == "" {
		if near := nearestFlag(cmd, missing.GetSpecifiedName()); near != "" {
			return usagef("unknown flag --%s; did you mean --%s?", missing.GetSpecifiedName(), near)
		}
	}
	return &usageError{err}
}

// nearestFlag is the flag of cmd with the fewest differences from name, "" if none
// is near enough to be what was meant.
func nearestFlag(cmd *cobra.Command, name string) string {
	const most = 3
	best, bestDistance := "", most
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || len(name) > len(f.Name)+most {
			return
		}
		if d := distance(name, f.Name); d < bestDistance {
			best, bestDistance = f.Name, d
		}
	})
	return best
}

// distance is how many bytes must be inserted, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
