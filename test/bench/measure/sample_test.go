package measure

import (
	"testing"
	"time"
)

func TestTheMedianIsTheMiddleOneWhateverTheOrder(t *testing.T) {
	for _, c := range []struct {
		seconds []int
		want    time.Duration
	}{
		{[]int{3}, 3 * time.Second},
		{[]int{9, 1, 2}, 2 * time.Second},
		{[]int{5, 4, 3, 2, 100}, 4 * time.Second},
		{[]int{1, 4, 2, 3}, 3 * time.Second},
	} {
		var r Runs
		for _, s := range c.seconds {
			r = append(r, Sample{Wall: time.Duration(s) * time.Second, Memory: int64(s)})
		}
		if got := r.Wall(); got != c.want {
			t.Errorf("%v: got %s, want %s", c.seconds, got, c.want)
		}
		if got := r.Memory(); got != int64(c.want/time.Second) {
			t.Errorf("%v: got %d bytes", c.seconds, got)
		}
	}
}
