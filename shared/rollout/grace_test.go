package rollout

import (
	"math"
	"strconv"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// graceful is a workload whose template has the grace period, and that bears the annotations of an earlier restart if there are any.
func graceful(grace int64, own, set string) *Workload {
	w := &Workload{UID: "cart", TemplateKey: "k", GracePeriod: grace}
	if own != "" {
		w.Annotations = map[string]string{OwnGracePeriod: own, SetGracePeriod: set}
	}
	return w
}

// version is one of the workload's template with another grace period.
func version(grace int64) Set {
	return Set{UID: "rs", Owner: "cart", TemplateKey: "k", GracePeriod: grace}
}

func TestTheNextGracePeriod(t *testing.T) {
	elsewhere := version(31)
	elsewhere.Owner = "other"
	different := version(31)
	different.TemplateKey = "d"
	for _, c := range []struct {
		rule string
		w    *Workload
		sets []Set
		want v1alpha1.GracePeriod
	}{
		{"one more than the owner's", graceful(30, "", ""), nil, v1alpha1.GracePeriod{Own: 30, Set: 31}},
		{"none at all is raised", graceful(0, "", ""), nil, v1alpha1.GracePeriod{Own: 0, Set: 1}},
		{"what is as large as can be is lowered", graceful(math.MaxInt64, "", ""), []Set{version(math.MaxInt64 - 1)},
			v1alpha1.GracePeriod{Own: math.MaxInt64, Set: math.MaxInt64 - 2}},
		{"what almost is, too", graceful(math.MaxInt64-1, "", ""), nil, v1alpha1.GracePeriod{Own: math.MaxInt64 - 1, Set: math.MaxInt64 - 2}},
		{"a version with pods is passed over", graceful(30, "", ""), []Set{version(31), version(32)}, v1alpha1.GracePeriod{Own: 30, Set: 33}},
		{"one of another template is not", graceful(30, "", ""), []Set{different, elsewhere}, v1alpha1.GracePeriod{Own: 30, Set: 31}},
		{"what a restart has set is not the owner's", graceful(31, "30", "31"), nil, v1alpha1.GracePeriod{Own: 30, Set: 32}},
		{"what the owner has set since is", graceful(45, "30", "31"), nil, v1alpha1.GracePeriod{Own: 45, Set: 46}},
		{"annotations that tell nothing are passed over", graceful(31, "x", "31"), nil, v1alpha1.GracePeriod{Own: 31, Set: 32}},
		{"nor is a time below none the owner's", graceful(31, "-5", "31"), nil, v1alpha1.GracePeriod{Own: 31, Set: 32}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := NextGracePeriod(c.w, c.sets, func(Set) bool { return true }); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	if got := NextGracePeriod(graceful(30, "", ""), []Set{version(31)}, func(Set) bool { return false }); got.Set != 31 {
		t.Errorf("a version without pods is taken again, got %d", got.Set)
	}
}

// TestManyRestartsStayCloseToTheOwnersValue restarts in a row, while the pods of the last two templates are still there.
func TestManyRestartsStayCloseToTheOwnersValue(t *testing.T) {
	for _, start := range []int64{0, 30, math.MaxInt64} {
		w, own := graceful(start, "", ""), start
		inhabited := []int64{start}
		for run := range 20 {
			// Half way, the owner changes the value.
			if run == 10 {
				own, w.GracePeriod = 60, 60
				inhabited = append(inhabited, 60)
			}
			live := inhabited[max(0, len(inhabited)-3):]
			var sets []Set
			for _, grace := range live {
				sets = append(sets, version(grace))
			}
			next := NextGracePeriod(w, sets, func(Set) bool { return true })
			for _, grace := range live {
				if next.Set == grace {
					t.Fatalf("run %d takes %d, which has pods", run, grace)
				}
			}
			if far := next.Set - own; next.Own != own || far < -4 || far > 4 || next.Set < 0 {
				t.Fatalf("run %d: got %+v, the owner wants %d", run, next, own)
			}
			w.GracePeriod = next.Set
			w.Annotations = map[string]string{OwnGracePeriod: strconv.FormatInt(next.Own, 10), SetGracePeriod: strconv.FormatInt(next.Set, 10)}
			inhabited = append(inhabited, next.Set)
		}
	}
}
