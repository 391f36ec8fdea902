package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	rfc8555 "golang.org/x/crypto/acme"

	"weir/configs"
)

// accountFile holds the account's key. No host has this name: it has no dot before
// the ending.
const accountFile = "account.pem"

// account is the one at the authority. It is made at the first order.
type account struct {
	directory string
	contact   []string
	folder    folder
	http      *http.Client

	registering sync.Mutex // held while the authority is asked
	client      *rfc8555.Client
}

func newAccount(cfg *configs.ACME, folder folder) (*account, error) {
	a := &account{directory: cfg.Directory, folder: folder}
	if u, err := url.Parse(cfg.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("directory %q is not an https URL", cfg.Directory)
	}
	if cfg.Email != "" {
		a.contact = []string{"mailto:" + cfg.Email}
	}
	roots, err := readRoots(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	a.http = &http.Client{
		Timeout: 30 * time.Second,
		Transport: boundedTransport{&http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout:     30 * time.Second,
		}},
	}
	return a, nil
}

// readRoots are the certificates in ca, a file or PEM text, or nil, the system's, for
// none.
func readRoots(ca string) (*x509.CertPool, error) {
	if ca == "" {
		return nil, nil
	}
	text, name := []byte(ca), "the text"
	if !strings.Contains(ca, "-----BEGIN ") {
		var err error
		if text, err = os.ReadFile(ca); err != nil {
			return nil, err
		}
		name = ca
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", name)
	}
	return roots, nil
}

// registered is a client with an account. The first call, and the first one after
// forget, makes the account, or finds the one that the stored key has.
func (a *account) registered(ctx context.Context) (*rfc8555.Client, error) {
	a.registering.Lock()
	defer a.registering.Unlock()
	if a.client != nil {
		return a.client, nil
	}
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	client := &rfc8555.Client{Key: key, HTTPClient: a.http, DirectoryURL: a.directory, RetryBackoff: requestBackoff, UserAgent: "weir"}
	_, err = client.Register(ctx, &rfc8555.Account{Contact: a.contact}, rfc8555.AcceptTOS)
	if errors.Is(err, rfc8555.ErrAccountAlreadyExists) {
		err = nil
		if a.contact != nil {
			_, err = client.UpdateReg(ctx, &rfc8555.Account{Contact: a.contact})
		}
	}
	if err != nil {
		return nil, err
	}
	a.client = client
	return client, nil
}

// forget makes the next attempt register again, if err says that the authority has
// lost the account, as it does when it was set up anew.
func (a *account) forget(err error) {
	var problem *rfc8555.Error
	if errors.As(err, &problem) && strings.HasSuffix(problem.ProblemType, ":accountDoesNotExist") {
		a.registering.Lock()
		a.client = nil
		a.registering.Unlock()
	}
}

// key is the stored account key, or a new one, which is stored. A damaged one is an
// error: to replace it would give up the account.
func (a *account) key() (crypto.Signer, error) {
	text, err := a.folder.read(accountFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		if text, err = encodeKey(key); err != nil {
			return nil, err
		}
		return key, a.folder.write(accountFile, text)
	}
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, fmt.Errorf("%s holds no private key", a.folder.path(accountFile))
}

// requestBackoff says how long to wait before a request is sent again. The attempt
// as a whole has a backoff of its own, so that only what passes quickly is tried
// again here: a nonce that has aged (RFC 8555 section 6.5), an authority that
// stumbles. A rate limit is not.
func requestBackoff(tries int, _ *http.Request, response *http.Response) time.Duration {
	switch {
	case tries > 4 || response.StatusCode == http.StatusTooManyRequests:
		return 0
	case response.StatusCode == http.StatusBadRequest:
		return 50 * time.Millisecond
	}
	return time.Second << tries
}

// maxResponseBytes bounds what is read of a response; a chain has a few KiB.
const maxResponseBytes = 1 << 20

// boundedTransport refuses to leave TLS (RFC 8555 section 6.1), wherever a redirect or
// the directory leads, and cuts what is too long: the client below reads bodies whole.
type boundedTransport struct{ *http.Transport }

func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" {
		return nil, fmt.Errorf("the authority leads to %s, which is not https", request.URL.Redacted())
	}
	response, err := t.Transport.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponseBytes), response.Body}
	}
	return response, err
}
