package fault

import (
	"regexp"
	"testing"
)

func TestEveryKindHasOneCompleteRow(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]Kind{}
	for k := None + 1; k < NumKinds; k++ {
		if !name.MatchString(k.String()) {
			t.Errorf("kind %d has the name %q", k, k.String())
		}
		if other, dup := seen[k.String()]; dup {
			t.Errorf("kinds %d and %d share the name %q", other, k, k.String())
		}
		seen[k.String()] = k
		if k.Text() == "" {
			t.Errorf("%v has no text", k)
		}
		if s := k.Status(); s != 0 && (s < 400 || s > 599) {
			t.Errorf("%v answers %d, which is no error", k, s)
		}
		if k.Fault() == FaultDownstream && k.Retry() != RetryNever {
			t.Errorf("%v is the client's, yet it would be retried", k)
		}
	}
	if None.String() != "" || None.Status() != 0 {
		t.Errorf("None is %q, %d", None.String(), None.Status())
	}
}
