package upgrade

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func TestWhatToTypeNext(t *testing.T) {
	at := func(phase v1alpha1.Phase, moved ...bool) *v1alpha1.CanaryUpgrade {
		u := &v1alpha1.CanaryUpgrade{Phase: phase, From: "1-22", To: "1-23"}
		for i, m := range moved {
			u.Namespaces = append(u.Namespaces, v1alpha1.UpgradeNamespace{Name: []string{"shop", "bank"}[i], Moved: m})
		}
		return u
	}
	for want, c := range map[string]struct {
		u         *v1alpha1.CanaryUpgrade
		remaining []string
	}{
		"revisions":                   {nil, []string{"mill"}},
		"advance shop":                {at(v1alpha1.PhaseStarted, false, true), []string{"mill"}},
		"advance shop bank":           {at(v1alpha1.PhaseStarted, false, false), nil},
		"advance mill":                {at(v1alpha1.PhaseStarted, true, true), []string{"mill", "tower"}},
		"complete":                    {at(v1alpha1.PhaseStarted, true), nil},
		"retire 1-22":                 {at(v1alpha1.PhaseCompleted, true), nil},
		"rollback":                    {at(v1alpha1.PhaseRollingBack, true), nil},
		"start --from 1-22 --to 1-23": {at(v1alpha1.PhaseRolledBack), []string{"mill"}},
	} {
		if got, why := Next(c.u, c.remaining, isInstalled); got != want || why == "" {
			t.Errorf("got %q (%s), want %q", got, why, want)
		}
	}
	if got, _ := Next(at(v1alpha1.PhaseCompleting, false), nil, isInstalled); got != "complete" {
		t.Errorf("got %q", got)
	}
	none := func(string) bool { return false }
	for _, over := range []v1alpha1.Phase{v1alpha1.PhaseCompleted, v1alpha1.PhaseRolledBack} {
		if got, why := Next(at(over), nil, none); got != "" || why == "" {
			t.Errorf("%s, and uninstalled: got %q (%s), want nothing", over, got, why)
		}
	}
	tagged := at(v1alpha1.PhaseRolledBack)
	tagged.StableTag, tagged.CanaryTag = "prod-stable", "prod-canary"
	if got, _ := Next(tagged, nil, isInstalled); got != "start --from 1-22 --to 1-23 --stable-tag prod-stable --canary-tag prod-canary" {
		t.Errorf("got %q", got)
	}
	tagged.Tags = []v1alpha1.UpgradeTag{{Name: "prod-canary", Before: "1-22"}}
	if got, _ := Next(tagged, nil, isInstalled); got != "start --from 1-22 --to 1-23 --stable-tag prod-stable --canary-tag prod-canary --use-tag" {
		t.Errorf("got %q", got)
	}
}
