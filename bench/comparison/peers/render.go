package peers

import (
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

//go:embed weir.toml nginx.conf haproxy.cfg Caddyfile
var configs embed.FS

// left is a word that nothing was put in place of.
var left = regexp.MustCompile(`@[A-Z]+@`)

// configPath is where the configuration of the instance lies.
func (s *Spec) configPath() string { return filepath.Join(s.Dir, s.Peer.config) }

// pemPath is where the certificate and the key of the instance lie.
func (s *Spec) pemPath() string { return filepath.Join(s.Dir, "tls.pem") }

// expand puts the values of s in place of the @WORDS@ of text. A word it does not
// know is an error of a configuration or of the table of peers.
func (s *Spec) expand(text string) (string, error) {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return "", err
	}
	var tls secure
	if s.TLS != Plain {
		tls = s.Peer.secure
	}
	text = strings.NewReplacer("@TLSLISTEN@", tls.listen, "@TLSBLOCK@", tls.block).Replace(text)
	text = strings.NewReplacer(
		"@LISTEN@", s.Listen, "@HOST@", host, "@PORT@", port, "@BACKEND@", s.Backend,
		"@DIR@", s.Dir, "@CONFIG@", s.configPath(), "@WORKERS@", strconv.Itoa(s.Workers),
		"@FILES@", strconv.Itoa(s.files()), "@CONNECTIONS@", s.connections(), "@BUFFERS@", s.Peer.buffers,
		"@PEM@", s.pemPath(),
	).Replace(text)
	if word := left.FindString(text); word != "" {
		return "", fmt.Errorf("%s: nothing to put in place of %s", s.Peer.Name, word)
	}
	return text, nil
}

func (s *Spec) expandAll(list []string) ([]string, error) {
	out := make([]string, len(list))
	for i, text := range list {
		var err error
		if out[i], err = s.expand(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// render writes the configuration of the instance into its folder.
func (s *Spec) render() error {
	if s.TLS != Plain && !s.Peer.Secure() {
		return fmt.Errorf("%s does not end TLS", s.Peer.Name)
	}
	if s.Peer.config == "" {
		return nil
	}
	raw, err := configs.ReadFile(s.Peer.config)
	if err != nil {
		return err
	}
	text, err := s.expand(string(raw))
	if err != nil {
		return err
	}
	if s.TLS != Plain {
		if err := s.TLS.writeCertificate(s.pemPath()); err != nil {
			return err
		}
	}
	return os.WriteFile(s.configPath(), []byte(text), 0o644)
}
