package pacing

import (
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEveryBadValueIsSaidInOneLine(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*Flags)
		want   string
	}{
		{"the defaults are valid", func(*Flags) {}, ""},
		{"a method", func(f *Flags) { f.Method = "delete" }, `--method "delete": use auto, restart, grace-period or evict`},
		{"what to do with bare pods", func(f *Flags) { f.BarePods = "" }, `--bare-pods "": use skip or recreate`},
		{"an order", func(f *Flags) { f.Order = "age" }, `--order "age": use namespaces, size or name`},
		{"what a failure does", func(f *Flags) { f.OnFailure = "abort" }, `--on-failure "abort": use stop or continue`},
		{"none at once", func(f *Flags) { f.MaxParallel = 0 }, "--max-parallel 0: use 1 or more"},
		{"fewer than none at once", func(f *Flags) { f.MaxParallel = -3 }, "--max-parallel -3: use 1 or more"},
		{"canaries", func(f *Flags) { f.Canary = -1 }, "--canary -1: use 0 or more"},
		{"pods that may be unavailable", func(f *Flags) { f.MaxUnavailable = -1 }, "--max-unavailable-pods -1: use 0 or more"},
		{"pods a minute", func(f *Flags) { f.PodsPerMinute = -1 }, "--pods-per-minute -1: use 0 or more"},
		{"a pause", func(f *Flags) { f.Pause = -time.Second }, "--pause -1s: use 0 or more"},
		{"no time at all", func(f *Flags) { f.WorkloadTimeout = 0 }, "--workload-timeout 0s: use more than 0"},
		{"a pause in another order", func(f *Flags) { f.Pause, f.Order = time.Second, "size" }, "--pause waits between namespaces, and --order size does not go by them: use either"},
		{"a surge by eviction", func(f *Flags) { f.Surge, f.Method = true, "evict" }, "--surge-singletons changes Deployments, and --method evict does not: use either"},
		{"a probe's interval", func(f *Flags) { f.ProbeInterval = 0 }, "--probe-interval 0s: use more than 0"},
		{"a probe's URL", func(f *Flags) { f.Probes = []string{"shop"} }, `--probe: "shop" does not begin with http:// or https://`},
		{"a rate without a probe", func(f *Flags) { f.ProbeMaxErrorRate = "1%" }, "--probe-max-error-rate is about --probe: name a URL, too"},
		{"a rate of one what", probing("1"), "--probe-max-error-rate 1 is every request: use 1% or 100%"},
		{"the same in other words", probing("1.0"), "--probe-max-error-rate 1.0 is every request: use 1% or 100%"},
		{"a rate above all", probing("1.5"), `--probe-max-error-rate "1.5": use a share from 0 to 1, or a percentage such as 1%`},
		{"a rate below none", probing("-1%"), `--probe-max-error-rate "-1%": use a share from 0 to 1, or a percentage such as 1%`},
		{"a rate that is no number", probing("NaN"), `--probe-max-error-rate "NaN": use a share from 0 to 1, or a percentage such as 1%`},
		{"a rate in words", probing("some"), `--probe-max-error-rate "some": use a share from 0 to 1, or a percentage such as 1%`},
		{"a rate", probing("1 %"), ""},
		{"a report", func(f *Flags) { f.Reports = []string{"x.txt"} }, `--report: cannot tell how to write the report to "x.txt": its name has to end in .json or .md`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := New()
			c.change(f)
			if got := message(f.Validate()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func probing(rate string) func(*Flags) {
	return func(f *Flags) { f.Probes, f.ProbeMaxErrorRate = []string{"http://a"}, rate }
}

func TestADurationNeedsAUnit(t *testing.T) {
	set := pflag.NewFlagSet("x", pflag.ContinueOnError)
	New().Add(set)
	if err := set.Parse([]string{"--pause", "5"}); err == nil {
		t.Error("got no error")
	}
}

func FuzzRate(f *testing.F) {
	for _, text := range []string{"", "0", "1", "1%", "0.01", "100 %", "%", "1e-3", "NaN", "Inf%", "0x1p-2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rate, err := (&Flags{ProbeMaxErrorRate: text}).rate()
		if err == nil && text != "" && !(rate >= 0 && rate <= 1) {
			t.Errorf("%q is %v", text, rate)
		}
	})
}

func TestWhatTheFlagsSay(t *testing.T) {
	f := New()
	f.Method, f.BarePods, f.OnFailure, f.Canary, f.Pause = "evict", recreate, goOn, 3, time.Minute
	f.Probes, f.ProbeMaxErrorRate = []string{"http://a"}, "1%"
	p, r := f.Plan(), f.Run()
	if p.Method != v1alpha1.ByEviction || !p.RecreateBarePods || p.Order != restartplan.ByNamespace || p.Canary != 3 || p.MaxParallel != defaultParallel {
		t.Errorf("got %+v", p)
	}
	if !r.GoOn || r.Canary != 3 || r.Pause != time.Minute || r.WorkloadTimeout != defaultWorkloadTimeout {
		t.Errorf("got %+v", r)
	}
	if probes, asked := f.Probe(); !asked || probes.MaxErrorRate != 0.01 || len(probes.URLs) != 1 {
		t.Errorf("got %+v", probes)
	}
	if probes, asked := New().Probe(); asked || probes.MaxErrorRate >= 0 {
		t.Errorf("got %+v", probes)
	}
}
