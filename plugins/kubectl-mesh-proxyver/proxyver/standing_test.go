package proxyver

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// TestWhatIsAddedUpStepByStepIsTheSum: an update changes the rows to what all items would make anew.
func TestWhatIsAddedUpStepByStepIsTheSum(t *testing.T) {
	steps := [][]scan.Item{
		{current("shop/a"), outdated("shop/b"), item("bank/c", "", v1alpha1.Missing)},
		{outdated("shop/a"), outdated("shop/b")},
		{current("bank/c"), item("shop/a", "", v1alpha1.Orphaned, runs("1-20", "1.20.0"))},
		nil,
		{current("shop/a")},
	}
	for _, by := range groupings() {
		o, _ := options()
		o.By, o.Output = by, outputWide
		var terminal bytes.Buffer
		v := &screenView{Options: o, screen: screen.New(&terminal, func() (int, int) { return 0, 0 })}
		w := &watched{t, newWatcher(o, v, nil), meshOf(t, fixture.Injector("1-22"), fixture.Injector("1-24")), o.Out.(*bytes.Buffer), nil, map[string]scan.Item{}}
		for i, items := range steps {
			w.brings(items...)
			var want bytes.Buffer
			out, err := o.filled(&want, state{mesh: w.mesh, items: w.items})
			if err == nil {
				err = out.finish()
			}
			if err != nil || v.last != want.String() || v.standing.pods != len(items) {
				t.Errorf("--by %s, step %d: %v, got\n%s\nwant\n%s", by, i, err, v.last, want.String())
			}
		}
	}
}

func TestSortedEventsAreRefused(t *testing.T) {
	for output, refused := range map[string]bool{"": false, outputWide: false, outputName: false, outputJSON: true, "yaml": true, "custom-columns=A:.pod": true} {
		o, _ := options()
		o.Watch, o.SortBy, o.Output = true, ".status", output
		if err := o.Validate(); (err != nil) != refused {
			t.Errorf("-o %q: got %v", output, err)
		}
	}
}

func BenchmarkOneChangeAmongManyPods(b *testing.B) {
	for _, c := range []struct{ rule, output string }{{"lines", ""}, {"events", outputJSON}, {"screen", "screen"}} {
		b.Run(c.rule, func(b *testing.B) {
			o, _ := options()
			var v view = &screenView{Options: o, screen: screen.New(&bytes.Buffer{}, func() (int, int) { return 80, 24 })}
			if c.output != "screen" {
				o.Output = c.output
				v, _ = o.view()
			}
			w := newWatcher(o, v, nil)
			u := live.Update{Mesh: meshOf(b, fixture.Injector("1-22"))}
			for i := range 50_000 {
				pod := item(fmt.Sprintf("shop-%d/p%d", i/10%50, i), fmt.Sprintf("apps/Deployment/d%d", i/10), v1alpha1.Current, runs("1-22", "1.22.0"), wants("1-22", "1.22.0"))
				u.Changes = append(u.Changes, live.Change{After: &pod})
			}
			_ = w.update(u)
			before, after := *u.Changes[0].After, *u.Changes[0].After
			after.Verdict.Status = v1alpha1.Outdated
			b.ReportAllocs()
			for b.Loop() {
				u.Changes = []live.Change{{Before: &before, After: &after}}
				_ = w.update(u)
				before, after = after, before
			}
		})
	}
}
