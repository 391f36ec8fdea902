package main

import (
	"context"

	"github.com/spf13/cobra"

	"weir/bench"
)

func newBenchBulk() *cobra.Command {
	var (
		o    bench.BulkOptions
		size int
	)
	b := &benchRun{}
	all := func() bench.BulkOptions {
		o.Options, o.Bytes = b.options, int64(size)
		return o
	}
	b.measure = func(ctx context.Context, _ bench.Options) (*bench.Result, error) { return bench.Bulk(ctx, all()) }
	cmd := b.command(&cobra.Command{
		Use:   "bulk URL",
		Short: "Move one large body over each connection",
		Long: `Downloads URL once over each connection, or with --upload sends a body of --size to
it, and measures from just before the first byte to the last. What comes is thrown
away unread; with --verify it is compared with what 'weir bench serve' sends.`,
		Example: `  weir bench bulk http://127.0.0.1:8080/bytes/1073741824 --pid 1234
  weir bench bulk http://127.0.0.1:8080/ --upload --size 1GiB --connections 4`,
	})
	b.sizeFlag(cmd, &size, "0", "body of an upload, like 1GiB; at most 64GiB")
	cmd.Flags().BoolVar(&o.Upload, "upload", false, "send bodies instead of downloading")
	setDefault(cmd, "connections", "1", "connections, each of which moves one body")
	setDefault(cmd, "duration", "10m", "how long all of it may take")
	setDefault(cmd, "timeout", "5s", "for a connect, and for a transfer that stands still")
	b.checkFirst(cmd, func() error { return all().Validate() })
	refuse(cmd, map[string]string{"warmup": "a transfer is measured from its first byte"})
	return cmd
}
