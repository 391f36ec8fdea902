package websocket

import "testing"

func TestHasToken(t *testing.T) {
	tests := []struct {
		list string
		want bool
	}{
		{"upgrade", true},
		{"Upgrade", true},
		{"UPGRADE", true},
		{"keep-alive, Upgrade", true},
		{"keep-alive,upgrade", true},
		{"\t upgrade \t,close", true},
		{",, ,upgrade,", true},
		{"", false},
		{",", false},
		{"upgraded", false},
		{"up grade", false},
		{"no-upgrade", false},
		{"upgrade;q=1", false},
		{`"upgrade"`, false},
		{"upgrade\x00", false},
		{"upgrade\v", false},
		{"\xd5pgrade", false},
		{"upgr\u00e1de", false},
		{"U\x10grade", false}, // a fold by OR 0x20 alone would take this for "p"
	}
	for _, tt := range tests {
		if got := HasToken([]byte(tt.list), "upgrade"); got != tt.want {
			t.Errorf("HasToken(%q) = %v, want %v", tt.list, got, tt.want)
		}
	}
}

func TestSubprotocolOffered(t *testing.T) {
	tests := []struct {
		name, offer, chosen string
		want                bool
	}{
		{"the only one", "chat", "chat", true},
		{"the last one", "superchat,\tv2.chat , chat", "chat", true},
		{"not offered", "superchat", "chat", false},
		{"nothing offered", "", "chat", false},
		{"empty choice", "chat", "", false},
		{"empty choice, empty element", "chat,,", "", false},
		{"other case", "chat", "Chat", false},
		{"two chosen", "a, b", "a, b", false},
		{"space around", "chat", " chat", false},
		{"no token, though offered", "a/b", "a/b", false},
		{"prefix", "chat2", "chat", false},
	}
	for _, tt := range tests {
		if got := SubprotocolOffered([]byte(tt.offer), []byte(tt.chosen)); got != tt.want {
			t.Errorf("%s: SubprotocolOffered(%q, %q) = %v, want %v", tt.name, tt.offer, tt.chosen, got, tt.want)
		}
	}
}
