package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"weir/bench"
	"weir/configs"
)

// tlsFlags adds the flags of how to speak TLS. All write to to as they are parsed.
func tlsFlags(flags *pflag.FlagSet, to *bench.ClientTLS) {
	flags.BoolVar(&to.Insecure, "insecure", false, "accept any certificate of wss:// and https://")
	flags.Var(&caFlag{to: to}, "ca", "`file` of PEM certificates to verify the server with, instead of the system's")
	flags.StringVar(&to.ServerName, "server-name", "", "`name` to send as SNI and to verify, instead of the URL's host")
	flags.Var(tlsMaxFlag{to}, "tls-max", "highest TLS version to offer: 1.2 or 1.3")
	flags.Var(curvesFlag{to}, "curves", "key exchanges to offer, such as X25519,P-256")
	flags.BoolVar(&to.Resume, "resume", false, "offer the server's last session ticket in each TLS handshake")
}

// caFlag is a file of certificates, read at once.
type caFlag struct {
	to   *bench.ClientTLS
	file string
}

func (f *caFlag) Type() string   { return "file" }
func (f *caFlag) String() string { return f.file }

func (f *caFlag) Set(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no PEM certificate", file)
	}
	f.file, f.to.Roots = file, pool
	return nil
}

// tlsMaxFlag is a version, written as in a configuration file.
type tlsMaxFlag struct{ to *bench.ClientTLS }

func (f tlsMaxFlag) Type() string { return "version" }

func (f tlsMaxFlag) String() string {
	if f.to != nil && f.to.MaxVersion == tls.VersionTLS12 {
		return "1.2"
	}
	return "1.3"
}

func (f tlsMaxFlag) Set(s string) error {
	switch s {
	case "1.2":
		f.to.MaxVersion = tls.VersionTLS12
	case "1.3":
		f.to.MaxVersion = tls.VersionTLS13
	default:
		return fmt.Errorf("%q is not a version; give 1.2 or 1.3", s)
	}
	return nil
}

// curvesFlag is a list of key exchanges.
type curvesFlag struct{ to *bench.ClientTLS }

func (f curvesFlag) Type() string { return "list" }

func (f curvesFlag) String() string {
	if f.to == nil {
		return ""
	}
	var names []string
	for _, name := range configs.CurveNames() {
		if slices.Contains(f.to.Curves, configs.CurveIDs([]string{name})[0]) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func (f curvesFlag) Set(s string) error {
	var ids []tls.CurveID
	for text := range strings.SplitSeq(s, ",") {
		i := slices.IndexFunc(configs.CurveNames(), func(name string) bool { return strings.EqualFold(name, strings.TrimSpace(text)) })
		if i < 0 {
			return fmt.Errorf("%q is not a key exchange; give some of %s", text, allCurves())
		}
		ids = append(ids, configs.CurveIDs(configs.CurveNames()[i:i+1])...)
	}
	f.to.Curves = ids
	return nil
}

func allCurves() string { return strings.Join(configs.CurveNames(), ", ") }
