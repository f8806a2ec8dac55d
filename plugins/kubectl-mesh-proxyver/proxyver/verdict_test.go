package proxyver

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

func deploymentItem(pod, name string, s v1alpha1.Status, changes ...func(*scan.Item)) scan.Item {
	return item(pod, "apps/Deployment/"+name, s, changes...)
}

// mayNot is the answer to one who may not create pods in a namespace.
func mayNot(namespace string) dryrun.Answer {
	cause := fmt.Sprintf(`User "me" cannot create resource "pods" in API group "" in the namespace %q`, namespace)
	return refusing(dryrun.Forbidden, "", cause, "pods is forbidden: "+cause)
}

func TestHowThePredictionsDidIsSaid(t *testing.T) {
	for _, c := range []struct {
		rule        string
		v           *verification
		stderr, err string
	}{
		{"nothing to ask", verifying(nil, nil), "Workloads that the injector was asked about: 0 (agree: 0, disagree: 0, could not be verified: 0).\n", ""},
		{
			"a workload counts once",
			verifying(map[string]dryrun.Answer{"shop/cart": oldOnes, "shop/web": {}}, nil,
				deploymentItem("shop/cart-1", "cart", v1alpha1.Current, wants("1-22", "1.22.0")),
				deploymentItem("shop/cart-2", "cart", v1alpha1.Current, wants("1-22", "1.22.0")),
				deploymentItem("shop/web-1", "web", v1alpha1.None)),
			"Workloads that the injector was asked about: 2 (agree: 2, disagree: 0, could not be verified: 0).\n", "",
		},
		{
			"what differs, each by what it is",
			verifying(map[string]dryrun.Answer{"shop/a": newOnes, "shop/b": {}, "shop/c": {Injected: true}, "shop/d": {Image: "own:1"}}, nil,
				deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-22", "1.22.0")), deploymentItem("shop/b-1", "b", v1alpha1.Current, inTemplate("1.22.0")),
				deploymentItem("shop/c-1", "c", v1alpha1.None), item("shop/d", "", v1alpha1.None)),
			"warning: prediction and injector disagree: deployment/a in shop: predicted docker.io/istio/proxyv2:1.22.0 of revision 1-22, the injector answers docker.io/istio/proxyv2:1.23.0 of revision 1-23\n" +
				"warning: prediction and injector disagree: deployment/b in shop: predicted docker.io/istio/proxyv2:1.22.0 of its own template, the injector answers no proxy\n" +
				"warning: prediction and injector disagree: deployment/c in shop: predicted no proxy, the injector answers an injection without a proxy\n" +
				"warning: prediction and injector disagree: pod/d in shop: predicted no proxy, the injector answers own:1 of its own template\n" +
				"Workloads that the injector was asked about: 4 (agree: 0, disagree: 4, could not be verified: 0).\n",
			"prediction and injector disagree: 4 of 4 workloads",
		},
		{
			"at its beginning none is, but what was asked is foreseen",
			verifying(map[string]dryrun.Answer{"shop/a": newOnes}, map[string]scan.Item{"shop/a": item("shop/x", "", v1alpha1.Missing, wants("1-23", "1.23.0"))},
				deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-22", "1.22.0"))),
			"Workloads that the injector was asked about: 1 (agree: 1, disagree: 0, could not be verified: 0).\n", "",
		},
		{
			"what was asked is what is told of",
			verifying(map[string]dryrun.Answer{"shop/a": newOnes}, map[string]scan.Item{"shop/a": item("shop/x", "", v1alpha1.None)},
				deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-22", "1.22.0"))),
			"warning: prediction and injector disagree: deployment/a in shop: predicted no proxy, the injector answers docker.io/istio/proxyv2:1.23.0 of revision 1-23\n" +
				"Workloads that the injector was asked about: 1 (agree: 0, disagree: 1, could not be verified: 0).\n",
			"prediction and injector disagree: 1 of 1 workloads",
		},
		{
			"running pods that are as the answer is do not make it right",
			verifying(map[string]dryrun.Answer{"shop/a": newOnes}, map[string]scan.Item{"shop/a": item("shop/x", "", v1alpha1.Missing, wants("1-22", "1.22.0"))},
				deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-23", "1.23.0"))),
			"warning: prediction and injector disagree: deployment/a in shop: predicted docker.io/istio/proxyv2:1.22.0 of revision 1-22, the injector answers docker.io/istio/proxyv2:1.23.0 of revision 1-23\n" +
				"Workloads that the injector was asked about: 1 (agree: 0, disagree: 1, could not be verified: 0).\n",
			"prediction and injector disagree: 1 of 1 workloads",
		},
		{
			"where nothing was predicted for what was asked, nothing disagrees, and nothing is verified",
			verifying(map[string]dryrun.Answer{"shop/a": newOnes}, map[string]scan.Item{"shop/a": item("shop/x", "", v1alpha1.Unknown)},
				deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-23", "1.23.0"))),
			"warning: not verified: what the injector would do was unknown (workloads: 1)\n" +
				"Workloads that the injector was asked about: 1 (agree: 0, disagree: 0, could not be verified: 1).\n",
			"the answer is not fully verified: 1 of 1 workloads could not be verified",
		},
		{
			"refusals by their reasons",
			verifying(map[string]dryrun.Answer{"shop/a": quotaFull, "shop/b": istioDown, "shop/c": quotaFull, "shop/d": oldOnes}, nil,
				deploymentItem("shop/a-1", "a", v1alpha1.None), deploymentItem("shop/b-1", "b", v1alpha1.None), deploymentItem("shop/c-1", "c", v1alpha1.Unknown),
				deploymentItem("shop/d-1", "d", v1alpha1.Current, wants("1-22", "1.22.0"))),
			"warning: not verified: exceeded quota: none (workloads: 2)\n" +
				"warning: not verified: failed calling webhook \"sidecar-injector.istio.io\": refused (workloads: 1)\n" +
				"Workloads that the injector was asked about: 4 (agree: 1, disagree: 0, could not be verified: 3).\n",
			"the answer is not fully verified: 3 of 4 workloads could not be verified",
		},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, errOut := options()
			if err := o.sayVerified(c.v); message(err) != c.err || errOut.String() != c.stderr {
				t.Errorf("%v\nstderr %s\nwant   %s", err, errOut, c.stderr)
			}
		})
	}
}

func TestWhatMayBeDoneNowhereIsSaidOnce(t *testing.T) {
	answers := map[string]dryrun.Answer{}
	var items []scan.Item
	for _, namespace := range []string{"g", "f", "e", "d", "c", "b", "a"} {
		answers[namespace+"/web"] = mayNot(namespace)
		items = append(items, deploymentItem(namespace+"/web-1", "web", v1alpha1.Current))
	}
	for n, in := range map[int]string{1: "in g, see `kubectl auth can-i create pods -n g`", 3: "in e, f, g, see `kubectl auth can-i create pods -n e`",
		7: "in a, b, c, d, e and 2 more namespaces, see `kubectl auth can-i create pods -n a`"} {
		want := fmt.Sprintf("User \"me\" cannot create resource \"pods\" in API group \"\" %s (workloads: %d)", in, n)
		if got := verifying(answers, nil, items[:n]...).judge().refusals.lines(); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhatCouldNotBeListedForAskingIsWarnedOf(t *testing.T) {
	o, errOut := options()
	v := newVerification()
	v.gaps = []cluster.Gap{{Missing: "the templates of deployments.apps", Err: errors.New("for\nbidden")}}
	want := "warning: cannot read the templates of deployments.apps: for\\nbidden\nWorkloads that the injector was asked about: 0 (agree: 0, disagree: 0, could not be verified: 0).\n"
	if err := o.sayVerified(v); err != nil || errOut.String() != want {
		t.Errorf("%v, stderr %q", err, errOut)
	}
}

func TestPodsOfAnOlderTemplateAreARolloutsMatter(t *testing.T) {
	asked := map[string]scan.Item{"shop/a": item("shop/x", "", v1alpha1.Missing, wants("1-23", "1.23.0")),
		"shop/b": item("shop/x", "", v1alpha1.Missing, wants("1-22", "1.22.0"))}
	v := verifying(map[string]dryrun.Answer{"shop/a": newOnes, "shop/b": newOnes}, asked,
		deploymentItem("shop/a-1", "a", v1alpha1.Current, wants("1-22", "1.22.0")),
		deploymentItem("shop/a-2", "a", v1alpha1.Current, wants("1-23", "1.23.0")),
		deploymentItem("shop/a-3", "a", v1alpha1.None),
		deploymentItem("shop/a-4", "a", v1alpha1.Unknown),
		deploymentItem("shop/b-1", "b", v1alpha1.Current, wants("1-22", "1.22.0")))
	var words []string
	for _, i := range v.items {
		words = append(words, verifiedWord(i))
	}
	if want := []string{"rollout", "yes", "rollout", "unknown", "no"}; !slices.Equal(words, want) {
		t.Errorf("got %q, want %q", words, want)
	}
	if older := v.items[2]; shows(older, false) || *older.Verified.Agrees {
		t.Errorf("a hidden pod of an older template is shown, or said to agree: %+v", older.Verified)
	}
}
