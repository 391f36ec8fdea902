package observe

import "time"

// Stamp turns a loop's monotonic clock into dates, and formats each second once.
// It belongs to one loop.
type Stamp struct {
	clock   func(now int64) time.Time
	wall    int64 // Unix nanoseconds at monotonic zero
	second  int64
	rfc3339 [len("2006-01-02T15:04:05")]byte
	http    [len(httpDate)]byte
}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// NewStamp anchors the clock: clock gives the time of day when the loop's clock
// shows now, in a process time.Now whatever now is. It is asked again once a
// second, so that steps of the wall clock, and a machine that slept, are followed.
func NewStamp(clock func(now int64) time.Time, now int64) *Stamp {
	return &Stamp{clock: clock, wall: clock(now).UnixNano() - now, second: -1}
}

func (s *Stamp) at(now int64) (second, nanos int64) {
	unix := s.wall + now
	if unix/1e9 != s.second {
		s.wall = s.clock(now).UnixNano() - now
		unix = s.wall + now
	}
	second, nanos = unix/1e9, unix%1e9
	if second != s.second {
		s.second = second
		t := time.Unix(second, 0).UTC()
		t.AppendFormat(s.rfc3339[:0], "2006-01-02T15:04:05")
		t.AppendFormat(s.http[:0], httpDate)
	}
	return second, nanos
}

// AppendRFC3339 appends the time to the millisecond, in UTC.
func (s *Stamp) AppendRFC3339(dst []byte, now int64) []byte {
	_, nanos := s.at(now)
	ms := nanos / 1e6
	dst = append(dst, s.rfc3339[:]...)
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// AppendHTTPDate appends an IMF-fixdate (RFC 9110 5.6.7).
func (s *Stamp) AppendHTTPDate(dst []byte, now int64) []byte {
	s.at(now)
	return append(dst, s.http[:]...)
}
