package canary

import (
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

func TestOfferedAreTheNamespacesThatMayBeMoved(t *testing.T) {
	label := func(revision string) upgrade.Namespace {
		return upgrade.Namespace{UID: revision, Labels: map[string]string{upgrade.Rev: revision}}
	}
	moved := []v1alpha1.UpgradeNamespace{{Name: "shop", UID: "1-22", Form: v1alpha1.ByRevision, Before: map[string]string{upgrade.Rev: "1-22"}, Moved: true, Wrote: []map[string]string{{upgrade.Rev: "1-23"}}}}
	under := func(phase v1alpha1.Phase) *v1alpha1.CanaryUpgrade {
		return &v1alpha1.CanaryUpgrade{Phase: phase, From: "1-22", To: "1-23", Namespaces: moved}
	}
	for _, c := range []struct {
		rule             string
		from, to         string
		upgrade          *v1alpha1.CanaryUpgrade
		start, toAdvance string
	}{
		{"nothing is said", "", "", nil, "bank next old shop", ""},
		{"what is moved to", "", "1-23", nil, "bank old shop", ""},
		{"both revisions", "1-22", "1-23", nil, "bank shop", ""},
		{"a revision that is not installed yet", "1-22", "1-24", nil, "bank shop", ""},
		{"an upgrade is under way", "", "", under(v1alpha1.PhaseStarted), "bank", "bank"},
		{"it is rolling back", "", "", under(v1alpha1.PhaseRollingBack), "", ""},
		{"it is rolled back", "1-22", "1-23", under(v1alpha1.PhaseRolledBack), "bank shop", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			seen := upgrade.Seen{Namespaces: map[string]upgrade.Namespace{"bank": label("1-22"), "shop": label("1-22"), "old": label("1-21"), "next": label("1-23"), "plain": {}}}
			if c.upgrade != nil && c.upgrade.Phase == v1alpha1.PhaseStarted {
				seen.Namespaces["shop"] = upgrade.Namespace{UID: "1-22", Labels: map[string]string{upgrade.Rev: "1-23"}}
			}
			session := func() *session {
				return &session{namespace: "istio-system", upgrade: c.upgrade, seen: seen, tags: &tag.Objects{Webhooks: []admissionv1.MutatingWebhookConfiguration{
					*fixture.Injector("1-21"), *fixture.Injector("1-22"), *fixture.Injector("1-23"),
				}}}
			}
			o := &startOptions{upgradeOptions: newUpgradeOptions(genericiooptions.NewTestIOStreamsDiscard()), From: c.from, To: c.to}
			if got := o.toStart(session()); !slices.Equal(got, strings.Fields(c.start)) {
				t.Errorf("start: got %v, want %v", got, c.start)
			}
			if got := toAdvance(session()); !slices.Equal(got, strings.Fields(c.toAdvance)) {
				t.Errorf("advance: got %v, want %v", got, c.toAdvance)
			}
		})
	}
}
