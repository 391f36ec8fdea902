package certs

import (
	"crypto/rand"
	"time"
)

const (
	// ticketKeyLife is how long a key of our own encrypts.
	ticketKeyLife = 24 * time.Hour
	// ticketKeysKept is how many keys decrypt: whoever holds a stolen key can read
	// the sessions of three days, and clients resume for at least two.
	ticketKeysKept = 3
)

// ownKeys are ticket keys that no other process has, the newest first.
type ownKeys struct {
	keys [][32]byte
	born time.Time // of the first
}

// rotate puts a new key first if the one in use is old enough, and reports whether
// it did. The old slice is left as it is: a config may hold it.
func (k *ownKeys) rotate(now time.Time) bool {
	if len(k.keys) > 0 && now.Sub(k.born) < ticketKeyLife {
		return false
	}
	var fresh [32]byte
	rand.Read(fresh[:]) // never fails; it ends the process if the system has no randomness
	keys := append(make([][32]byte, 0, ticketKeysKept), fresh)
	k.keys = append(keys, k.keys[:min(len(k.keys), ticketKeysKept-1)]...)
	k.born = now
	return true
}
