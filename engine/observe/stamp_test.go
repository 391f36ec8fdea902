package observe

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

func TestStampFormats(t *testing.T) {
	start := time.Date(2028, 2, 28, 23, 59, 59, 999_000_000, time.FixedZone("east", 3600)).Add(time.Hour)
	s := NewStamp(wallFrom(start, 5_000), 5_000)
	for _, tt := range []struct {
		after        time.Duration
		rfc3339, imf string
	}{
		{0, "2028-02-28T23:59:59.999Z", "Mon, 28 Feb 2028 23:59:59 GMT"},
		{time.Millisecond - 1, "2028-02-28T23:59:59.999Z", "Mon, 28 Feb 2028 23:59:59 GMT"},
		{time.Millisecond, "2028-02-29T00:00:00.000Z", "Tue, 29 Feb 2028 00:00:00 GMT"},
		{1001 * time.Millisecond, "2028-02-29T00:00:01.000Z", "Tue, 29 Feb 2028 00:00:01 GMT"},
		{500 * time.Millisecond, "2028-02-29T00:00:00.499Z", "Tue, 29 Feb 2028 00:00:00 GMT"}, // and back
		{24 * time.Hour, "2028-02-29T23:59:59.999Z", "Tue, 29 Feb 2028 23:59:59 GMT"},
	} {
		now := 5_000 + int64(tt.after)
		if got := string(s.AppendRFC3339([]byte("x"), now)); got != "x"+tt.rfc3339 {
			t.Errorf("after %v: %s, want %s", tt.after, got, tt.rfc3339)
		}
		if got := string(s.AppendHTTPDate([]byte("x"), now)); got != "x"+tt.imf {
			t.Errorf("after %v: %s, want %s", tt.after, got, tt.imf)
		}
	}
}

func TestStampAgreesWithTheLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 9))
	start := time.Unix(1_790_000_000, 0)
	s := NewStamp(wallFrom(start, 1), 1)
	for range 2000 {
		after := time.Duration(rnd.Int64N(1 << uint(rnd.IntN(60)+1)))
		want := start.Add(after).UTC()
		if got := string(s.AppendRFC3339(nil, 1+int64(after))); got != want.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z") {
			t.Fatalf("%s, want %s", got, want)
		}
		if got := string(s.AppendHTTPDate(nil, 1+int64(after))); got != want.Format(http.TimeFormat) {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func TestStampDoesNotAllocate(t *testing.T) {
	s := NewStamp(wallFrom(wall, 0), 0)
	dst := make([]byte, 0, 100)
	now := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += 700e6
		dst = s.AppendRFC3339(s.AppendHTTPDate(dst[:0], now), now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// wallFrom is a wall clock that showed wall when the loop's showed start.
func wallFrom(wall time.Time, start int64) func(int64) time.Time {
	return func(now int64) time.Time { return wall.Add(time.Duration(now - start)) }
}

func TestStampFollowsStepsOfTheWallClock(t *testing.T) {
	step := time.Duration(0)
	s := NewStamp(func(now int64) time.Time { return wall.Add(time.Duration(now) + step) }, 0)
	step = time.Hour
	want := wall.Add(step + 2*time.Second).UTC().Format(http.TimeFormat)
	if got := string(s.AppendHTTPDate(nil, int64(2*time.Second))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
