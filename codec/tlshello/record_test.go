package tlshello

import (
	"strings"
	"testing"
)

func TestRecords(t *testing.T) {
	msg := helloMessage(sni("a.example"))
	// big has n bytes of message, header included.
	big := func(n int) string {
		pad := n - len(helloMessage(sni("a"), extension(21, "")))
		return helloMessage(sni("a"), extension(21, strings.Repeat("p", pad)))
	}
	room := MaxBytes - 4*recordHeaderBytes // for a message in four records
	tests := []struct {
		name, in, want string
		code           Code
	}{
		{"one", records(msg, 200), "a.example 0x303", 0},
		{"of one byte", records(msg, 1), "a.example 0x303", 0},
		{"record version 3.0", "\x16\x03\x00" + vector16(msg), "a.example 0x303", 0},
		{"record version 3.9", "\x16\x03\x09" + vector16(msg), "a.example 0x303", 0},
		{"more after the message in its record", "\x16\x03\x01" + vector16(msg+"\x14\x00"), "a.example 0x303", 0},
		{"of the greatest length", records(big(maxRecordBytes), maxRecordBytes), "a 0x303", 0},
		{"the most bytes", records(big(room), maxRecordBytes), "a 0x303", 0},
		{"most records", records(big(MaxRecords*2), 2), "a 0x303", 0},
		{"unfinished", records(msg, 200)[:100], "", 0},
		{"message unfinished", records(msg, 20)[:2*25], "", 0},

		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "", CodeRecordType},
		{"alert first", "\x15\x03\x01\x00\x02\x01\x00" + records(msg, 200), "", CodeRecordType},
		{"alert between", records(msg, 20)[:25] + "\x15\x03\x01\x00\x02\x01\x00", "", CodeRecordType},
		{"SSL 2", "\x80\x2e\x01\x03\x01", "", CodeRecordType},
		{"record version 2.0", "\x16\x02\x00" + vector16(msg), "", CodeRecordVersion},
		{"record version 4.0 later", records(msg, 20)[:25] + "\x16\x04", "", CodeRecordVersion},
		{"empty", "\x16\x03\x01\x00\x00", "", CodeRecordLength},
		{"empty between", records(msg, 20)[:25] + "\x16\x03\x01\x00\x00", "", CodeRecordLength},
		{"of 2^14+1", "\x16\x03\x01\x40\x01", "", CodeRecordLength},
		{"ServerHello", "\x16\x03\x01\x00\x04\x02", "", CodeMessageType},
		{"message over 64 KiB", "\x16\x03\x01\x40\x00\x01\x01\x00\x00", "", CodeTooLarge},
		{"one byte over", records(big(MaxBytes-recordHeaderBytes+1), maxRecordBytes)[:9], "", CodeTooLarge},
		{"records over 64 KiB", records(big(room+1), maxRecordBytes), "", CodeTooLarge},
		{"more than the most records", records(big(MaxRecords*2+1), 2), "", CodeTooManyRecords},
	}
	for _, tt := range tests {
		everySplit(t, tt.name, tt.in, tt.want, tt.code)
	}
}

// Whatever the bytes are, MaxBytes of them are enough.
func TestMaxBytesIsEnough(t *testing.T) {
	var h Hello
	for _, size := range []int{127, 200, 1000, maxRecordBytes - 1, maxRecordBytes} {
		in := records("\x01\x00\xff\xf0"+strings.Repeat("x", 2*MaxBytes), size)[:MaxBytes]
		if n, code := Parse([]byte(in), &h); n == 0 && code == CodeOK {
			t.Errorf("no answer from %d bytes in records of %d", len(in), size)
		}
	}
}

func TestLooksLikeTLS(t *testing.T) {
	for in, want := range map[string]Verdict{
		"": Maybe, "\x16": Maybe, "\x16\x03": Yes, "\x16\x03\x01\x00": Yes,
		"\x15": No, "G": No, "\x80": No, "\x16\x02": No, "\x16\x04\x01": No, "\x00\x16\x03": No,
	} {
		if got := LooksLikeTLS([]byte(in)); got != want {
			t.Errorf("LooksLikeTLS(%q) = %d, want %d", in, got, want)
		}
	}
}
