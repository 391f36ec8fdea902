package tlsconn

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzOpen gives an open connection, behind one good record, anything at all, cut at
// random: it ends in an error that stays, or waits; never in a panic, a byte that was not
// sent, or memory that is still lent.
//
// good says how many more good records are in front, so that what follows is met in the
// middle of a read.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(0), uint64(1), true)
	f.Add(record(23, 0), uint8(1), uint64(2), true)
	f.Add(record(23, 17), uint8(2), uint64(3), false)
	f.Add(record(22, 40), uint8(0), uint64(4), false)
	f.Add(append(record(20, 1), record(21, 2)...), uint8(3), uint64(5), true)
	f.Add(record(23, maxCiphertext+1), uint8(1), uint64(6), true)
	f.Fuzz(func(t *testing.T, junk []byte, good uint8, seed uint64, new bool) {
		version := versions[0]
		if new {
			version = versions[1]
		}
		server, client := open(t, version)
		var want []byte
		for i := range int(good%8) + 1 {
			client.seal(t, []byte{byte(i)})
			want = append(want, byte(i))
		}
		all := append(client.take(), junk...)
		rnd := rand.New(rand.NewPCG(seed, 0))
		for len(all) > 0 {
			n := 1 + rnd.IntN(min(len(all), 64))
			server.feed(all[:n])
			all = all[n:]
		}
		if !bytes.Equal(server.plain, want) {
			t.Fatalf("%q came out, want %q", server.plain, want)
		}
		if rawInput(server.c.tls).Cap()+input(server.c.tls).Len() > 0 {
			t.Fatal("something is still lent")
		}
		whole := server.err != nil
		server.open(record(23, 30))
		if server.err == nil || IsCloseNotify(server.err) || !bytes.Equal(server.plain, want) {
			t.Fatalf("a record of garbage gives %v (failed before: %v)", server.err, whole)
		}
	})
}
