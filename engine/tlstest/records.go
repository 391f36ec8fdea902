package tlstest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// Records makes records of TLS 1.3 by hand (RFC 8446 5.2), for what crypto/tls has no way
// to send: a key update, a message cut into records. The cipher suite must be
// TLS_AES_128_GCM_SHA256.
type Records struct {
	t      testing.TB
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// Types of records.
const (
	RecordHandshake   = 22
	RecordApplication = 23
)

// NewRecords goes on where a client has sent so many records of data. log is what
// tls.Config.KeyLogWriter of one connection was given.
func NewRecords(t testing.TB, log *bytes.Buffer, sent uint64) *Records {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil || len(secret) != sha256.Size {
				t.Fatalf("the secret is %q", f[2])
			}
			r := &Records{t: t}
			r.use(secret)
			r.seq = sent
			return r
		}
	}
	t.Fatal("no client secret in the key log")
	return nil
}

func (r *Records) use(secret []byte) {
	r.secret, r.seq = secret, 0
	block, err := aes.NewCipher(r.expand("key", 16))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.aead, err = cipher.NewGCM(block); err != nil {
		r.t.Fatal(err)
	}
	r.iv = r.expand("iv", 12)
}

// expand is HKDF-Expand-Label without a context (RFC 8446 7.1).
func (r *Records) expand(label string, size int) []byte {
	info := fmt.Sprintf("\x00%c%ctls13 %s\x00", size, len("tls13 ")+len(label), label)
	out, err := hkdf.Expand(sha256.New, r.secret, info, size)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// Seal gives a record.
func (r *Records) Seal(kind byte, content []byte) []byte {
	inner := append(bytes.Clone(content), kind)
	header := binary.BigEndian.AppendUint16([]byte{RecordApplication, 3, 3}, uint16(len(inner)+r.aead.Overhead()))
	nonce := bytes.Clone(r.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(r.seq >> (56 - 8*i))
	}
	r.seq++
	return r.aead.Seal(header, nonce, inner, header[:5:5])
}

// KeyUpdate gives a record that changes the keys of what follows; requested asks the
// peer to change its own, which it tells by a record.
func (r *Records) KeyUpdate(requested bool) []byte {
	message := []byte{24, 0, 0, 1, 0}
	if requested {
		message[4] = 1
	}
	b := r.Seal(RecordHandshake, message)
	r.use(r.expand("traffic upd", sha256.Size))
	return b
}
