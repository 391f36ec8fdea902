package acme

import (
	"crypto/tls"
	"maps"
	"sync"
	"sync/atomic"
)

// answers are those to the challenges under way. Loops read them with one atomic
// load; a change, twice per order, copies the few there are.
type answers struct {
	change  sync.Mutex
	current atomic.Pointer[answerSet]
}

// answerSet never changes once it is current.
type answerSet struct {
	certs  map[string]*tls.Certificate // by server name
	tokens map[string]tokenAnswer      // by token
}

type tokenAnswer struct {
	host    []byte
	keyAuth []byte
}

func (a *answers) init() { a.current.Store(&answerSet{}) }

func (a *answers) load() *answerSet { return a.current.Load() }

func (a *answers) edit(change func(next *answerSet)) {
	a.change.Lock()
	defer a.change.Unlock()
	old := a.current.Load()
	next := &answerSet{certs: maps.Clone(old.certs), tokens: maps.Clone(old.tokens)}
	if next.certs == nil {
		next.certs, next.tokens = map[string]*tls.Certificate{}, map[string]tokenAnswer{}
	}
	change(next)
	a.current.Store(next)
}

// addCert answers TLS-ALPN-01 for host until take is called.
func (a *answers) addCert(host string, cert *tls.Certificate) (take func()) {
	a.edit(func(next *answerSet) { next.certs[host] = cert })
	return func() { a.edit(func(next *answerSet) { delete(next.certs, host) }) }
}

// addToken answers HTTP-01 for token at host until take is called.
func (a *answers) addToken(host, token, keyAuth string) (take func()) {
	a.edit(func(next *answerSet) { next.tokens[token] = tokenAnswer{[]byte(host), []byte(keyAuth)} })
	return func() { a.edit(func(next *answerSet) { delete(next.tokens, token) }) }
}
