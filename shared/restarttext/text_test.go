package restarttext

import (
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func TestNumbersInWords(t *testing.T) {
	for _, c := range []struct{ rule, got, want string }{
		{"none is plural", Count(0, "pod"), "0 pods"},
		{"one is singular", Count(1, "pod"), "1 pod"},
		{"several are plural", Count(2, "pod"), "2 pods"},
		{"tenths below a minute", Seconds(12.44), "12.4s"},
		{"no time at all", Seconds(0), "0.0s"},
		{"almost a minute is a minute", Seconds(59.96), "1m0s"},
		{"whole seconds above", Seconds(200.4), "3m20s"},
		{"hours", Seconds(3661), "1h1m1s"},
		{"a duration in whole seconds", Duration(12400 * time.Millisecond), "12s"},
		{"a low rate with a tenth", Rate(8.14), "8.1"},
		{"a rate that is almost ten", Rate(9.96), "10"},
		{"a high rate without", Rate(36.4), "36"},
		{"an outcome in words", Outcome(v1alpha1.StillOld), "still old"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.rule, c.got, c.want)
		}
	}
}

func TestEveryOutcomeIsGoodOrBad(t *testing.T) {
	var bad []v1alpha1.Outcome
	for _, o := range v1alpha1.Outcomes() {
		if Bad(o) {
			bad = append(bad, o)
		} else if len(bad) > 0 {
			t.Errorf("%s is well, and comes after %q", o, bad)
		}
	}
	if len(bad) != 5 {
		t.Errorf("bad are %q", bad)
	}
}

func TestANameIsSafeToPrint(t *testing.T) {
	item := v1alpha1.RestartItem{Namespace: "shop", Workload: v1alpha1.Workload{Kind: "Deployment", Name: "ca\x1brt"}}
	if got := Name(&item); got != `shop/deployment/ca\x1brt` {
		t.Errorf("got %q", got)
	}
}

func TestWhatRunsAndWhatIsToRun(t *testing.T) {
	old := v1alpha1.RunningProxy{Image: "proxyv2:1.22.0", Version: "1.22.0", Revision: "1-22"}
	older := v1alpha1.RunningProxy{Image: "proxyv2:1.21.0", Version: "1.21.0", Revision: "1-21"}
	fresh := v1alpha1.RunningProxy{Image: "proxyv2:1.23.0", Version: "1.23.0", Revision: "1-23"}
	moved := v1alpha1.RunningProxy{Image: "proxyv2:1.22.0", Version: "1.22.0", Revision: "canary"}
	untagged := v1alpha1.RunningProxy{Image: "proxyv2@sha256:0"}
	for _, c := range []struct {
		rule string
		from []v1alpha1.RunningProxy
		to   *v1alpha1.RunningProxy
		want string
	}{
		{"by version", []v1alpha1.RunningProxy{old}, &fresh, "1.22.0 -> 1.23.0"},
		{"each version once", []v1alpha1.RunningProxy{old, older, old}, &fresh, "1.22.0, 1.21.0 -> 1.23.0"},
		{"by revision too where the version stays", []v1alpha1.RunningProxy{old}, &moved, "1.22.0 of 1-22 -> 1.22.0 of canary"},
		{"no proxy today", nil, &fresh, "- -> 1.23.0"},
		{"no proxy among others", []v1alpha1.RunningProxy{old, {}}, &fresh, "1.22.0, - -> 1.23.0"},
		{"no proxy to come", []v1alpha1.RunningProxy{old}, nil, "1.22.0 -> -"},
		{"by image where there is no version", []v1alpha1.RunningProxy{untagged}, &fresh, "proxyv2@sha256:0 -> 1.23.0"},
	} {
		if got := Move(&v1alpha1.RestartItem{From: c.from, To: c.to}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.rule, got, c.want)
		}
	}
}
