package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// certOptions are the flags and arguments of weir cert.
type certOptions struct {
	out    string
	hosts  []string
	client string
	rsa    bool
	days   int
}

func newCert() *cobra.Command {
	var o certOptions
	cmd := &cobra.Command{
		Use:   "cert [HOST...]",
		Short: "Make certificates for development",
		Long: `Makes a certificate authority and a server certificate for each HOST, a name, a name
with *. in front, or an IP address: localhost, 127.0.0.1 and ::1 if none is given.
With --client it makes a client certificate, and a server's only if there is a HOST.

ca.pem and ca.key in --out are used if they are there and never changed, so that a
browser has to trust them once. Certificates are made anew each time. Keys are for
their owner to read only. Who has ca.key can pose as any server to those who trust
ca.pem: keep it on this machine.`,
		Example: `  weir cert
  weir cert app.test '*.app.test' 127.0.0.1
  weir cert --out tls --client alice
  weir cert --rsa --days 30`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.hosts = args
			if err := o.complete(); err != nil {
				return &usageError{err}
			}
			return makeCerts(o, time.Now(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.out, "out", "certs", "`folder` to write to, made if missing")
	flags.StringVar(&o.client, "client", "", "make a client certificate for `NAME` too")
	flags.BoolVar(&o.rsa, "rsa", false, "RSA keys of 2048 bits, instead of ECDSA on P-256")
	flags.IntVar(&o.days, "days", 825, "how long certificates are valid; browsers take no more than 825")
	return cmd
}

// complete checks o and fills in what was left out.
func (o *certOptions) complete() error {
	const most = authorityDays
	if o.days < 1 || o.days > most {
		return fmt.Errorf("days: %d is out of range; give 1 to %d", o.days, most)
	}
	if o.client != "" && !isLabel(strings.ToLower(o.client)) {
		return fmt.Errorf("client: %q is not a name for files; give letters, digits and hyphens, at most 63", o.client)
	}
	for i, host := range o.hosts {
		var err error
		if o.hosts[i], err = checkHost(host); err != nil {
			return err
		}
	}
	if len(o.hosts) == 0 && o.client == "" {
		o.hosts = developmentHosts
	}
	return nil
}

// makeCerts writes the files and says what to do with them.
func makeCerts(o certOptions, now time.Time, stdout io.Writer) error {
	dir, err := openCertDir(o.out)
	if err != nil {
		return err
	}
	ca, made, err := dir.authority(now)
	if err != nil {
		return err
	}
	p := paletteFor(stdout)
	say := func(what, file, about string, until time.Time) {
		fmt.Fprintf(stdout, "%s %s  %s, until %s\n", p.green(what), dir.path(file), about, dayOf(until))
	}
	word := "kept"
	if made {
		word = "made"
	}
	say(word, "ca.pem", ca.cert.Subject.CommonName, ca.cert.NotAfter)
	for _, l := range o.leaves() {
		pair, cert, err := ca.issue(now, l)
		if err != nil {
			return fmt.Errorf("%w; move %s and ca.key away to begin anew", err, dir.path("ca.pem"))
		}
		if err := dir.replace(l.file(), pair); err != nil {
			return err
		}
		about := "client " + l.name
		if !l.client {
			about = strings.Join(l.hosts, ", ")
		}
		say("made", l.file()+".pem", about, cert.NotAfter)
	}
	printCertHelp(stdout, o, dir, p)
	return nil
}

// leaves are the certificates that o asks for.
func (o *certOptions) leaves() (all []leaf) {
	if len(o.hosts) > 0 {
		all = append(all, leaf{name: o.hosts[0], hosts: o.hosts, rsa: o.rsa, days: o.days})
	}
	if o.client != "" {
		all = append(all, leaf{name: o.client, client: true, rsa: o.rsa, days: o.days})
	}
	return all
}

// file is the name of the files that hold l, without .pem and .key.
func (l leaf) file() string {
	if l.client {
		return "client-" + l.name
	}
	return "server"
}

// printCertHelp says what to paste where. Paths are absolute, so that it works from
// any folder.
func printCertHelp(w io.Writer, o certOptions, dir certDir, p palette) {
	fmt.Fprintf(w, "\n%s\n%s", p.dim("# in the configuration file"), certConfig(dir, o.client != ""))
	host := "localhost"
	if len(o.hosts) > 0 {
		host = strings.Replace(o.hosts[0], "*.", "www.", 1)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	identity := ""
	if o.client != "" {
		file := leaf{name: o.client, client: true}.file()
		identity = fmt.Sprintf(" --cert %s --key %s", quoteShell(dir.absolute(file+".pem")), quoteShell(dir.absolute(file+".key")))
	}
	fmt.Fprintf(w, "\n%s\ncurl --cacert %s%s https://%s:8443/\n", p.dim("# to try it"), quoteShell(dir.absolute("ca.pem")), identity, host)
	fmt.Fprintf(w, "\n%s\n", p.dim("# a browser: import "+dir.path("ca.pem")+" as an authority, once"))
}

// certConfig is the part of a configuration file that uses what is in dir.
func certConfig(dir certDir, client bool) string {
	s := fmt.Sprintf("[listeners.edge.tls]\ncertificates = [{ cert = %s, key = %s }]\n",
		quoteTOML(dir.absolute("server.pem")), quoteTOML(dir.absolute("server.key")))
	if client {
		s += fmt.Sprintf("client_auth = \"require\"\nclient_ca = %s\n", quoteTOML(dir.absolute("ca.pem")))
	}
	return s
}

// quoteTOML writes s as a basic string (TOML 1.0). A path has no control characters
// worth more than being refused by the parser.
func quoteTOML(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// quoteShell writes s as one word of a shell.
func quoteShell(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// certDir is the folder that weir cert writes to.
type certDir struct{ given, full string }

func (d certDir) path(file string) string     { return filepath.Join(d.given, file) }
func (d certDir) absolute(file string) string { return filepath.Join(d.full, file) }
