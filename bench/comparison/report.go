package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"weir/bench/comparison/measure"
	"weir/bench/comparison/report"
	"weir/bench/comparison/results"
)

func newReport() *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Print the tables of a file of results again",
		Long:  "Makes the tables, and with --write the plots, from what --out saved. It measures nothing.",
		Example: `  bench/compare report results.json
  bench/compare report results.json --write`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("'%s' takes one file of results, got %d arguments", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := results.Load(fromCaller(args[0]))
			if err != nil {
				return err
			}
			cwd, err := os.Getwd()
			if err != nil {
				return err
			}
			root := ""
			if write {
				if root, err = measure.Root(cwd); err != nil {
					return err
				}
			}
			return show(file, root, write, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "put the tables into BENCHMARKS.md and the plots into bench/plots")
	return cmd
}

// show prints the tables, writes them if asked to, and fails if any sample is faulty.
func show(file *results.File, root string, write bool, stdout, stderr io.Writer) error {
	tables := report.Tables(file)
	for _, t := range tables {
		fmt.Fprintf(stdout, "## %s\n\n%s\n", t.Name, t.Text)
	}
	if write {
		if err := writeAll(file, tables, root, stderr); err != nil {
			return err
		}
	}
	if n := file.Faulty(); n > 0 {
		return fmt.Errorf("%d of %d samples were taken with errors; they are in no figure", n, len(file.Samples))
	}
	return nil
}

// writeAll puts the tables into BENCHMARKS.md and the plots beside it.
func writeAll(file *results.File, tables []report.Table, root string, stderr io.Writer) error {
	if len(tables) < len(report.Names()) {
		fmt.Fprintln(stderr, "note: this run has not all works; the other tables stay, and are from another run")
	}
	path := filepath.Join(root, "BENCHMARKS.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, missing, err := report.Place(string(old), tables)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	written, err := report.Figures(file, filepath.Join(root, "bench", "plots"))
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "wrote %d tables and the plots %s\n", len(tables)-len(missing), strings.Join(written, ", "))
	if len(missing) > 0 {
		return fmt.Errorf("%s has no place for %s; add <!-- compare:NAME:begin --> and <!-- compare:NAME:end -->", path, strings.Join(missing, ", "))
	}
	return nil
}
