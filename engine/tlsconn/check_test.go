package tlsconn

import "testing"

func TestCheck(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	if !lending {
		t.Fatal("records are not lent with this version of Go")
	}
}
