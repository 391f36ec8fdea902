package bench

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The names of what only some kinds have are a contract too.
func TestKindsGolden(t *testing.T) {
	storm := sample()
	storm.Kind, storm.Active, storm.Lost = "storm", 200, 3
	storm.Storm = &StormResult{
		Survivors: 200, Cut: 8800, Returned: 8797, FailedAttempts: 12, SecondsUntilServed: 2.125,
		Before: Latency{P50: 61, P90: 75, P99: 110, P999: 240, Max: 1023, Mean: 64.5},
		During: Latency{P50: 161, P90: 275, P99: 3110, P999: 5240, Max: 61023, Mean: 364.25},
	}
	bulk := sample()
	bulk.Kind, bulk.Connections, bulk.Active, bulk.Rate = "bulk", 4, 4, 0
	bulk.Bulk = &BulkResult{Upload: true, Bytes: 4 << 30, Seconds: 2, BytesPerSecond: 2 << 30}
	bulk.Process.CPUSecondsPerGiB = 0.25
	secure := sample()
	secure.Kind, secure.Latency, secure.Reconnects = "tls", Latency{P50: 310, P90: 420, P99: 900, P999: 1200, Max: 2047, Mean: 330}, 0
	secure.TLS = &TLSResult{Handshakes: 52000, Resumed: 51990, Agreed: map[string]int{"TLS 1.3 TLS_AES_128_GCM_SHA256 X25519": 52000}}
	broadcast := sample()
	broadcast.Kind, broadcast.Connections, broadcast.Active = "broadcast", 1000, 1000

	var text bytes.Buffer
	var names []byte
	for _, r := range []*Result{broadcast, storm, bulk, secure} {
		r.WriteText(&text)
		b, err := json.MarshalIndent(struct {
			Storm *StormResult `json:"storm,omitempty"`
			Bulk  *BulkResult  `json:"bulk,omitempty"`
			TLS   *TLSResult   `json:"tls,omitempty"`
		}{r.Storm, r.Bulk, r.TLS}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		names = append(append(names, b...), '\n')
	}
	golden(t, "testdata/kinds.txt", text.Bytes())
	golden(t, "testdata/kinds.json", names)
	if b, err := json.Marshal(bulk); err != nil || !bytes.Contains(b, []byte(`"cpu_seconds_per_gib":0.25`)) || !bytes.Contains(b, []byte(`"bulk":{`)) {
		t.Errorf("%s, %v", b, err)
	}
}
