package tlsconn

import (
	"bytes"
	"fmt"
	"testing"

	"weir/engine/tlstest"
)

// openByHand gives a server that is connected, and what makes its client's records.
func openByHand(t testing.TB) (*end, *tlstest.Records) {
	t.Helper()
	s, c := configs()
	var log bytes.Buffer
	c = c.Clone()
	c.KeyLogWriter = &log
	server, client := &end{c: Server(s)}, &end{c: Client(c)}
	meet(t, server, client, 1<<20)
	if !server.opened {
		t.Fatal(server.err)
	}
	return server, tlstest.NewRecords(t, &log, 0)
}

// Key updates of both kinds, in every segmentation, between data that is read; the
// server answers those that ask it to.
func TestKeyUpdates(t *testing.T) {
	for _, requested := range []bool{false, true} {
		for _, size := range []int{1, 2, 3, 7, 1000} {
			t.Run(fmt.Sprint(requested, size), func(t *testing.T) {
				server, records := openByHand(t)
				var sent, want []byte
				for i := range 40 {
					sent = append(sent, records.KeyUpdate(requested)...)
					sent = append(sent, records.Seal(tlstest.RecordApplication, []byte{byte(i)})...)
					want = append(want, byte(i))
				}
				for ; len(sent) > 0; sent = sent[min(size, len(sent)):] {
					server.feed(sent[:min(size, len(sent))])
				}
				if server.err != nil || !bytes.Equal(server.plain, want) {
					t.Fatalf("%v, %d bytes", server.err, len(server.plain))
				}
				const answer = recordHeaderBytes + 5 + 1 + 16
				if wanted := map[bool]int{true: 40 * answer}[requested]; len(server.out) != wanted {
					t.Errorf("%d bytes of answers, want %d", len(server.out), wanted)
				}
			})
		}
	}
}

// A message cut into records, and one with nothing but updates behind it.
func TestKeyUpdateInPieces(t *testing.T) {
	server, records := openByHand(t)
	message := []byte{24, 0, 0, 1, 0}
	for _, b := range message[:len(message)-1] {
		server.feed(records.Seal(tlstest.RecordHandshake, []byte{b}))
	}
	if server.err != nil || hand(server.c.tls).Len() != len(message)-1 {
		t.Fatalf("%v, %d bytes kept", server.err, hand(server.c.tls).Len())
	}
	server.feed(records.Seal(tlstest.RecordHandshake, message[len(message)-1:]))
	if server.err != nil || hand(server.c.tls).Cap() != 0 {
		t.Errorf("%v, %d bytes kept", server.err, hand(server.c.tls).Cap())
	}
}

func TestUpdatesWithoutDataAreCutOff(t *testing.T) {
	server, records := openByHand(t)
	for i := range 100 {
		if server.feed(records.KeyUpdate(true)); server.err != nil {
			if i < 10 {
				t.Errorf("the %dth update is refused: %v", i, server.err)
			}
			return
		}
	}
	t.Error("100 updates in a row were taken")
}
