package preflight

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

func TestBetweenWhichRevisionsToMove(t *testing.T) {
	in := func(namespace, rev string) revision.ControlPlane {
		return revision.ControlPlane{Namespace: namespace, Revision: rev}
	}
	old, middle, new, far := in("istio-system", "1-21"), in("istio-system", "1-22"), in("istio-system", "1-23"), in("istio-two", "1-22")
	for _, c := range []struct {
		rule      string
		to, from  string
		installed []revision.ControlPlane
		followers map[revision.ControlPlane]int
		want      [2]revision.ControlPlane
		err       string
	}{
		{rule: "the only other one", to: "1-23", installed: []revision.ControlPlane{middle, new}, want: [2]revision.ControlPlane{middle, new}},
		{rule: "the one that namespaces follow", to: "1-23", installed: []revision.ControlPlane{old, middle, new}, followers: map[revision.ControlPlane]int{old: 1}, want: [2]revision.ControlPlane{old, new}},
		{rule: "the one of the same mesh", to: "1-23", installed: []revision.ControlPlane{far, middle, new}, want: [2]revision.ControlPlane{middle, new}},
		{rule: "the one that is named", to: "1-23", from: "1-21", installed: []revision.ControlPlane{old, middle, new}, want: [2]revision.ControlPlane{old, new}},
		{rule: "a target that is not there", to: "1-24", installed: []revision.ControlPlane{new}, want: [2]revision.ControlPlane{new, in("", "1-24")}},
		{rule: "in place", to: "1-23", installed: []revision.ControlPlane{new}, want: [2]revision.ControlPlane{new, new}},
		{rule: "several", to: "1-23", installed: []revision.ControlPlane{old, middle, new}, err: "several revisions could be left (1-21, 1-22): name one with --from"},
		{rule: "two of one name", to: "1-22", installed: []revision.ControlPlane{middle, far}, err: "revision 1-22 is installed in namespaces istio-system and istio-two: name one of them with --istio-namespace"},
		{rule: "named and not there", to: "1-23", from: "1-20", installed: []revision.ControlPlane{middle, new}, err: "--from 1-20: that revision is not installed: see `kubectl mesh-canary revisions`"},
		{rule: "the one in use", to: "1-22", installed: []revision.ControlPlane{middle, new}, followers: map[revision.ControlPlane]int{middle: 2}, err: "revision 1-22 is the one in use, and no namespace follows 1-23: name the revision to leave with --from"},
		{rule: "the one in use, and named", to: "1-22", from: "1-23", installed: []revision.ControlPlane{middle, new}, followers: map[revision.ControlPlane]int{middle: 2}, want: [2]revision.ControlPlane{new, middle}},
		{rule: "in place, beside another", to: "1-22", from: "1-22", installed: []revision.ControlPlane{middle, new}, want: [2]revision.ControlPlane{middle, middle}},
		{rule: "nothing at all", to: "1-23", err: "no revision is installed that could be left: see `kubectl mesh-canary revisions`"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			from, to, err := Choice{To: c.to, From: c.from, Installed: c.installed, Followers: c.followers}.Choose()
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || [2]revision.ControlPlane{from, to} != c.want {
				t.Errorf("got %v, %v, %v", from, to, err)
			}
		})
	}
}
