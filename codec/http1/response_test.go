package http1

import (
	"strings"
	"testing"
)

func TestParseResponseHead(t *testing.T) {
	tests := []struct {
		name string
		req  Method
		in   string
		want string
	}{
		{"until close", MethodGET, "HTTP/1.1 200 OK\r\n\r\n", "1.1 200 OK until close:-1"},
		{"length", MethodGET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "1.1 200 OK length:5 keep|Content-Length=5"},
		{"length 0", MethodGET, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "1.1 404 Not Found length:0 keep|Content-Length=0"},
		{"chunked", MethodPOST, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1.1 200 OK chunked:-1 keep|!Transfer-Encoding=chunked"},
		{"close", MethodGET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", "1.1 200 OK length:5|Content-Length=5|!Connection=close"},
		{"HTTP/1.0", MethodGET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "1.0 200 OK length:5|Content-Length=5"},
		{"HTTP/1.0 keep-alive", MethodGET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "1.0 200 OK length:5 keep|Content-Length=5|!Connection=keep-alive"},
		{"HEAD keeps the length", MethodHEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "1.1 200 OK none:5 keep|Content-Length=5"},
		{"HEAD, chunked", MethodHEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1.1 200 OK none:-1 keep|!Transfer-Encoding=chunked"},
		{"HEAD without framing", MethodHEAD, "HTTP/1.1 200 OK\r\n\r\n", "1.1 200 OK none:-1 keep"},
		{"204", MethodGET, "HTTP/1.1 204 No Content\r\n\r\n", "1.1 204 No Content none:-1 keep"},
		{"304 with a length", MethodGET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "1.1 304 Not Modified none:9 keep|Content-Length=9"},
		{"100", MethodPOST, "HTTP/1.1 100 Continue\r\n\r\n", "1.1 100 Continue none:-1 keep"},
		{"103", MethodGET, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "1.1 103 Early Hints none:-1 keep|Link=</a>"},
		{"101", MethodGET, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "1.1 101 Switching Protocols none:-1 keep upgrade|!Upgrade=websocket|!Connection=Upgrade"},
		{"CONNECT, 200", MethodCONNECT, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "1.1 200 OK none:5 keep|Content-Length=5"},
		{"CONNECT, 403", MethodCONNECT, "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n", "1.1 403 Forbidden length:5 keep|Content-Length=5"},
		{"empty reason", MethodGET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "1.1 200  length:0 keep|Content-Length=0"},
		{"no space before an empty reason", MethodGET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "1.1 200  length:0 keep|Content-Length=0"},
		{"obs-text in reason", MethodGET, "HTTP/1.1 404 pas trouv\xe9\t!\r\nContent-Length: 0\r\n\r\n", "1.1 404 pas trouv\xe9\t! length:0 keep|Content-Length=0"},
		{"named by Connection", MethodGET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nConnection: x-a\r\n\r\n", "1.1 200 OK length:0 keep|Content-Length=0|!X-A=1|!Connection=x-a"},
		{"unfinished", MethodGET, "HTTP/1.1 200 OK\r\nContent-Le", ""},
		{"unfinished: nothing", MethodGET, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, tt.want != "", func(t *testing.T, pieces []string) {
				got, code := feedResponse(pieces, &DefaultLimits, tt.req)
				if got != tt.want || code != CodeOK {
					t.Errorf("%q\n got %q, %v\nwant %q", pieces, got, code, tt.want)
				}
			})
		})
	}
}

func TestParseResponseHeadRefuses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	lim := Limits{HeadBytes: 300, TargetBytes: 10, Fields: 4}
	tests := []struct {
		name, in string
		code     Code
	}{
		{"another protocol", "SSH-2.0-x", CodeVersion},
		{"empty line in front", "\r\n" + ok, CodeVersion},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", CodeVersionUnsupported},
		{"version cut short", "HTTP/1\r\n\r\n", CodeVersion},
		{"no status", "HTTP/1.1\r\n\r\n", CodeVersion},
		{"tab before status", "HTTP/1.1\t200 OK\r\n\r\n", CodeVersion},
		{"two spaces before status", "HTTP/1.1  200 OK\r\n\r\n", CodeStatus},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", CodeStatus},
		{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", CodeStatus},
		{"status 099", "HTTP/1.1 099 x\r\n\r\n", CodeStatus},
		{"status 600", "HTTP/1.1 600 x\r\n\r\n", CodeStatus},
		{"status with a sign", "HTTP/1.1 +20 x\r\n\r\n", CodeStatus},
		{"NUL in reason", "HTTP/1.1 200 O\x00K\r\n\r\n", CodeNUL},
		{"bare CR in reason", "HTTP/1.1 200 O\rK\r\n\r\n", CodeBareCR},
		{"bare CR at the end of reason", "HTTP/1.1 200 OK\r\r\n\r\n", CodeBareCR},
		{"control byte in reason", "HTTP/1.1 200 \x1b\r\n\r\n", CodeReason},
		{"bare LF", "HTTP/1.1 200 OK\n", CodeBareLF},
		{"bare LF in the first bytes", "HT\n", CodeVersion},
		{"obs-fold", ok + "A: b\r\n c\r\n\r\n", CodeObsFold},
		{"space before colon", ok + "A : b\r\n\r\n", CodeSpaceBeforeColon},
		{"NUL in value", ok + "A: \x00\r\n\r\n", CodeNUL},
		{"length with coding (response splitting)", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", CodeLengthWithTE},
		{"differing lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", CodeLengthDiffers},
		{"equal lengths", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", CodeLengthDuplicate},
		{"malformed length", ok + "Content-Length: 5 \t5\r\n\r\n", CodeLengthMalformed},
		{"unknown coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", CodeTransferCoding},
		{"coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CodeTransferEncoding},
		{"Connection names Set-Cookie", ok + "Connection: set-cookie\r\n\r\n", CodeConnection},
		{"too many fields", ok + "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n", CodeTooManyFields},
		{"too large", ok + "A: " + strings.Repeat("a", 300), CodeHeadTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, true, func(t *testing.T, pieces []string) {
				for _, req := range []Method{MethodGET, MethodHEAD} {
					got, code := feedResponse(pieces, &lim, req)
					if got != "" || code != tt.code {
						t.Errorf("%q\n got %q, %v\nwant %v", pieces, got, code, tt.code)
					}
				}
			})
		})
	}
}
