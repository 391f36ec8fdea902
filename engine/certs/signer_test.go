package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"testing"

	"weir/configs"
)

func TestSignersSignAsTheKeyDoes(t *testing.T) {
	a := newAuthority(t, "ca")
	l := a.issue([]string{"a.example"}, rsaKey)
	pair, err := parsePair([]byte(l.Cert), []byte(l.Key))
	if err != nil {
		t.Fatal(err)
	}
	signers := NewSigners(2)
	defer signers.Close()
	var by atomic.Pointer[Signers]
	by.Store(signers)
	key := offload(pair.PrivateKey, &by).(crypto.Signer)
	public := key.Public().(*rsa.PublicKey)
	digest := sha256.Sum256([]byte("text"))
	var all sync.WaitGroup
	for range 8 { // more than threads
		all.Go(func() {
			signature, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
			if err == nil {
				err = rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, nil)
			}
			if err != nil {
				t.Error(err)
			}
			if _, err := key.Sign(rand.Reader, []byte("no digest"), crypto.SHA256); err == nil {
				t.Error("a digest of the wrong length was signed")
			}
		})
	}
	all.Wait()
}

// Keys of RSA go to the signers, other keys sign where they are; and handshakes do not
// notice.
func TestHandshakesOnSigners(t *testing.T) {
	a := newAuthority(t, "ca")
	for name, options := range map[string][]option{"rsa": {rsaKey}, "ecdsa": nil} {
		l := a.issue([]string{"a.example"}, options...)
		pair, err := parsePair([]byte(l.Cert), []byte(l.Key))
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, func(*configs.ListenerTLS) {}, l)
		_, offloaded := offload(pair.PrivateKey, &s.signers).(offloadedKey)
		if offloaded != (name == "rsa") {
			t.Errorf("%s: offloaded %v", name, offloaded)
		}
		if s.SignsWithRSA() != (name == "rsa") {
			t.Errorf("%s: SignsWithRSA %v", name, s.SignsWithRSA())
		}
		signers := NewSigners(1)
		s.SignOn(signers)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			o := meet(t, s.Config(), &tls.Config{RootCAs: a.pool(), ServerName: "a.example", MaxVersion: version})
			o.mustWork(t)
		}
		signers.Close()
	}
}
