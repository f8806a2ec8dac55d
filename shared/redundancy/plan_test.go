package redundancy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

func deployment(replicas int32, autoscalers ...Autoscaler) Deployment {
	return Deployment{Namespace: "istio-system", Name: "istiod", Replicas: replicas, Autoscalers: autoscalers}
}

func recorded(kind, name string, before, wrote int32) v1alpha1.UpgradeReplicas {
	return v1alpha1.UpgradeReplicas{Kind: kind, Namespace: "istio-system", Name: name, Before: before, Wrote: wrote}
}

func TestWhatIsRaised(t *testing.T) {
	own := func(before, wrote int32) []v1alpha1.UpgradeReplicas {
		return []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", before, wrote)}
	}
	hpa := func(before, wrote int32) []v1alpha1.UpgradeReplicas {
		return []v1alpha1.UpgradeReplicas{recorded(autoscalerKind, "scaler", before, wrote)}
	}
	unknown := deployment(1)
	unknown.Unknown = "cannot read horizontalpodautoscalers in namespace istio-system: no"
	surged := deployment(2)
	surged.Surged = true
	var text strings.Builder
	for _, c := range []struct {
		rule   string
		seen   Deployment
		before []v1alpha1.UpgradeReplicas
		least  int32
	}{
		{"a Deployment of one", deployment(1), nil, 2},
		{"enough already", deployment(3), nil, 2},
		{"switched off", deployment(0), nil, 2},
		{"an HPA's minimum, not the Deployment", deployment(4, Autoscaler{"scaler", 1, 5}), nil, 2},
		{"an HPA's minimum is enough", deployment(2, Autoscaler{"scaler", 2, 5}), nil, 2},
		{"an HPA that allows no more", deployment(1, Autoscaler{"scaler", 1, 1}), nil, 2},
		{"two HPAs", deployment(1, Autoscaler{"scaler", 1, 5}, Autoscaler{"other", 1, 5}), nil, 2},
		{"HPAs that may not be read", unknown, nil, 2},
		{"a restart that broke off", surged, nil, 3},
		{"recorded and written", deployment(2), own(1, 2), 2},
		{"recorded and not written yet", deployment(1), own(1, 2), 2},
		{"recorded, and somebody has changed it since", deployment(2), own(1, 3), 3},
		{"recorded, and more is asked for", deployment(2), own(1, 2), 3},
		{"recorded, and less is asked for", deployment(1), own(1, 3), 2},
		{"an HPA's, recorded and not written yet", deployment(1, Autoscaler{"scaler", 1, 5}), hpa(1, 2), 2},
		{"an HPA's, and more is asked for", deployment(2, Autoscaler{"scaler", 2, 5}), hpa(1, 2), 3},
	} {
		raise, left := Plan([]Deployment{c.seen}, c.before, c.least)
		fmt.Fprintf(&text, "%s, at least %d:\n", c.rule, c.least)
		for _, r := range raise {
			fmt.Fprintf(&text, "  raise %s from %d to %d\n", object(r), r.Before, r.Wrote)
		}
		for _, l := range left {
			fmt.Fprintf(&text, "  left: %s\n", l)
		}
		if len(raise)+len(left) == 0 {
			text.WriteString("  nothing\n")
		}
	}
	golden.Equal(t, "plan.txt", text.String())
}

func TestANumberGoesBackOnlyWhereItIsStillOurs(t *testing.T) {
	r := recorded(deploymentKind, "istiod", 1, 2)
	for _, c := range []struct {
		live    int32
		putBack bool
		kept    string
	}{
		{2, true, ""},
		{1, false, ""},
		{5, false, "Deployment istiod in namespace istio-system was changed by somebody else: it is at 5 replicas and would be at 1; it is left as it is"},
		{0, false, "Deployment istiod in namespace istio-system was changed by somebody else: it is at 0 replicas and would be at 1; it is left as it is"},
	} {
		putBack, kept := Back(r, c.live)
		said := ""
		if kept != nil {
			said = kept.String()
		}
		if putBack != c.putBack || said != c.kept {
			t.Errorf("at %d: got %v, %s", c.live, putBack, said)
		}
	}
}
