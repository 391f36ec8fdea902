package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	rfc8555 "golang.org/x/crypto/acme"
)

// kinds are the challenges that weir can answer. TLS-ALPN-01 comes first: the
// listener that wants the certificate answers it, whereas HTTP-01 needs another.
var kinds = []string{"tls-alpn-01", "http-01"}

// obtain gets a certificate with a new key from the authority, and stores it.
func (m *Manager) obtain(ctx context.Context, s *site) (*tls.Certificate, error) {
	client, err := m.account.registered(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	order, err := m.authorize(ctx, client, s)
	if err != nil {
		m.account.forget(err)
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// The name is in the subjectAltName only; a common name could not be as long.
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{s.host}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, csr, true)
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	text, err := encodePair(chain, key)
	if err != nil {
		return nil, err
	}
	cert, err := parsePair(text, s.host, m.pace.now())
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	// Not an attempt that failed: the authority would count the next one as well.
	if err := m.folder.write(certFile(s.host), text); err != nil {
		m.log(s.host, Event{Kind: NotStored, Err: reason(err)})
	}
	return cert, nil
}

// authorize makes an order and proves control of the host. A challenge that the
// authority could not verify ends its order (RFC 8555 section 7.1.6), so the next kind
// has one of its own. The kind that worked is the first one of the next renewal.
func (m *Manager) authorize(ctx context.Context, client *rfc8555.Client, s *site) (*rfc8555.Order, error) {
	var reasons []error
	for range kinds {
		kind := kinds[s.kind]
		order, err := m.prove(ctx, client, s.host, kind)
		if err == nil {
			return order, nil
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", kind, err))
		var refused *rfc8555.AuthorizationError
		if !errors.As(err, &refused) && !errors.Is(err, errNotOffered) {
			break
		}
		s.kind = (s.kind + 1) % len(kinds)
	}
	return nil, errors.Join(reasons...)
}

func (m *Manager) prove(ctx context.Context, client *rfc8555.Client, host, kind string) (*rfc8555.Order, error) {
	order, err := client.AuthorizeOrder(ctx, rfc8555.DomainIDs(host))
	if err != nil {
		return nil, err
	}
	for _, url := range order.AuthzURLs {
		if err := m.answer(ctx, client, url, host, kind); err != nil {
			return nil, err
		}
	}
	return client.WaitOrder(ctx, order.URI)
}

var errNotOffered = errors.New("the authority does not offer this challenge")

// answer makes one authorization of an order valid. One that is valid already, from
// an order before, needs no challenge.
func (m *Manager) answer(ctx context.Context, client *rfc8555.Client, url, host, kind string) error {
	authz, err := client.GetAuthorization(ctx, url)
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(authz.Identifier.Value, host):
		return fmt.Errorf("the authority asks for a proof of %q", authz.Identifier.Value)
	case authz.Status == rfc8555.StatusValid:
		return nil
	case authz.Status != rfc8555.StatusPending:
		return fmt.Errorf("the authorization is %q", authz.Status)
	}
	i := slices.IndexFunc(authz.Challenges, func(c *rfc8555.Challenge) bool { return c.Type == kind })
	if i < 0 {
		return errNotOffered
	}
	take, err := m.offer(client, authz.Challenges[i], host)
	if err != nil {
		return err
	}
	defer take()
	if _, err := client.Accept(ctx, authz.Challenges[i]); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, url)
	return err
}

// offer makes the listeners answer a challenge until take is called.
func (m *Manager) offer(client *rfc8555.Client, challenge *rfc8555.Challenge, host string) (take func(), err error) {
	// The token is sent to whoever asks for it: RFC 8555 section 8.3 gives its letters.
	bad := func(c rune) bool {
		return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}
	if t := challenge.Token; t == "" || len(t) > 256 || strings.ContainsFunc(t, bad) {
		return nil, errors.New("the authority's token is malformed")
	}
	if challenge.Type == "http-01" {
		keyAuth, err := client.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return nil, err
		}
		return m.answers.addToken(host, challenge.Token, keyAuth), nil
	}
	cert, err := client.TLSALPN01ChallengeCert(challenge.Token, host)
	if err != nil {
		return nil, err
	}
	return m.answers.addCert(host, &cert), nil
}
