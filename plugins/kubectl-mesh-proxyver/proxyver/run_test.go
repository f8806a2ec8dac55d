package proxyver

import (
	"errors"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// statuses is what a scan of so many pods of each status met.
func statuses(c map[v1alpha1.Status]int) *seen {
	s := &seen{statuses: c}
	for _, n := range c {
		s.shown += n
	}
	return s
}

func TestTheExitCode(t *testing.T) {
	gap := cluster.Gap{Missing: "pods", Err: errors.New("for\nbidden")}
	outdated := statuses(map[v1alpha1.Status]int{v1alpha1.Outdated: 1, v1alpha1.Current: 2})
	unknown := statuses(map[v1alpha1.Status]int{v1alpha1.Unknown: 2, v1alpha1.Outdated: 1})
	unknown.unknown = []string{"the\x1breason"}
	for _, c := range []struct {
		rule     string
		seen     *seen
		exitCode string
		gaps     []cluster.Gap
		code     int
		err      string
		stderr   string
	}{
		{"nothing", statuses(nil), "any", nil, 0, "", ""},
		{"findings, without --exit-code", outdated, "", nil, 0, "", ""},
		{"findings", outdated, "any", nil, 2, "", ""},
		{"findings of one status", outdated, "outdated", nil, 2, "", ""},
		{"findings of another status", outdated, "missing,ahead", nil, 0, "", ""},
		{"nothing but current", statuses(map[v1alpha1.Status]int{v1alpha1.Current: 2, v1alpha1.None: 1}), "any", nil, 0, "", ""},
		{"unknown beats findings", unknown, "outdated", nil, 1, "the answer is incomplete: unknown: 2 of 3 pods", "warning: unknown: the\\x1breason\n"},
		{"what could not be read explains what is unknown", unknown, "", []cluster.Gap{gap}, 1, "the answer is incomplete: unknown: 2 of 3 pods",
			"warning: cannot read pods: for\\nbidden\n"},
		{"what could not be read, though no pod is unknown", outdated, "any", []cluster.Gap{gap, gap}, 1, "the answer is incomplete: 2 of the reads it needs failed",
			"warning: cannot read pods: for\\nbidden\nwarning: cannot read pods: for\\nbidden\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, errOut := options()
			var err error
			if c.exitCode != "" {
				if o.alarming, err = parseExitCode(c.exitCode); err != nil {
					t.Fatal(err)
				}
			}
			err = o.conclude(c.seen, c.gaps)
			if code := exit.Code(t.Context(), err); code != c.code || message(err) != c.err || errOut.String() != c.stderr {
				t.Errorf("exit %d, %v, stderr %q", code, err, errOut)
			}
		})
	}
}

func TestNothingToShowIsSaid(t *testing.T) {
	for _, c := range []struct {
		rule, namespace string
		seen            seen
		want            string
	}{
		{"something is shown", "", seen{shown: 1}, ""},
		{"nothing anywhere", "", seen{}, "No resources found.\n"},
		{"nothing in a namespace", "shop", seen{}, "No resources found in shop namespace.\n"},
		{"nothing but what is not shown", "shop", seen{hidden: 3, ended: 1}, "No resources found in shop namespace. Not shown without --all: pods with no proxy that need none: 3; pods that have ended: 1.\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, errOut := options()
			o.namespace = c.namespace
			o.sayEmpty(&c.seen)
			if errOut.String() != c.want {
				t.Errorf("got %q, want %q", errOut, c.want)
			}
		})
	}
}

// meshOf reads a mesh of the injectors, where revision 1-22 has a configuration.
func meshOf(t *testing.T, injectors ...*admissionv1.MutatingWebhookConfiguration) *mesh.Mesh {
	t.Helper()
	objects := []runtime.Object{fixture.ConfigMap("1-22", "1.22.0")}
	for _, i := range injectors {
		objects = append(objects, i)
	}
	m, err := mesh.Read(t.Context(), faulty.New("1-22", objects...).Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// byURL is the injector of a control plane that may be anywhere.
func byURL(rev string) *admissionv1.MutatingWebhookConfiguration {
	c, url := fixture.Injector(rev), "https://istiod.example.com"
	for i := range c.Webhooks {
		c.Webhooks[i].ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
	}
	return c
}

func TestRevisionsWithoutPodsAreListedToo(t *testing.T) {
	m := meshOf(t, fixture.Injector("1-22"), fixture.Injector("1-24"), fixture.TagInjector("prod", "1-22"), byURL("managed"))
	for file, c := range map[string]struct {
		format, istioNamespace string
	}{
		"installed.txt": {"", ""}, "installed-name.txt": {outputName, ""},
		"installed-here.txt": {"", "istio-system"}, "installed-elsewhere.txt": {"", "other"},
	} {
		t.Run(file, func(t *testing.T) {
			o, _ := options()
			o.By, o.Output, o.IstioNamespace = byRevision, c.format, c.istioNamespace
			out, err := o.output()
			if err != nil {
				t.Fatal(err)
			}
			out.add(item("shop/cart-1", "apps/Deployment/cart", v1alpha1.Outdated, runs("1-24", "1.23.9"), wants("1-22", "1.22.0")))
			o.addInstalled(tallyOf(out), m)
			var text outputText
			if err := out.print(&text); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file, string(text))
		})
	}
}

type outputText []byte

func (o *outputText) Write(p []byte) (int, error) { *o = append(*o, p...); return len(p), nil }

func forbiddenError() error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "mutatingwebhookconfigurations"}, "", errors.New("no"))
}

func TestAClusterWithoutIstioIsProbablyTheWrongOne(t *testing.T) {
	const none = "no Istio found: no mutating webhook's name ends in sidecar-injector.istio.io; is this the right cluster? " +
		"See `kubectl config current-context` and `kubectl get mutatingwebhookconfigurations`"
	forbidden := faulty.New("")
	forbidden.Fail("mutatingwebhookconfigurations", forbiddenError())
	hidden, err := mesh.Read(t.Context(), forbidden.Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule    string
		mesh    *mesh.Mesh
		proxies int
		err     string
		stderr  string
	}{
		{"an injector", meshOf(t, fixture.Injector("1-22")), 0, "", ""},
		{"neither an injector nor a proxy", meshOf(t), 0, none, ""},
		{"proxies, but no injector", meshOf(t), 3, "", "warning: no injector is left in this cluster: nothing would be injected anywhere\n"},
		{"injectors that may not be read", hidden, 0, "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, errOut := options()
			err := o.noIstio(c.mesh, &seen{proxies: c.proxies})
			if message(err) != c.err || errOut.String() != c.stderr {
				t.Errorf("got %v, stderr %q", err, errOut)
			}
		})
	}
}

func TestOneMeshOfSeveralIsChosenByItsNamespace(t *testing.T) {
	elsewhere := fixture.Injector("1-24")
	for i := range elsewhere.Webhooks {
		elsewhere.Webhooks[i].ClientConfig.Service.Namespace = "aks-istio-system"
	}
	m := meshOf(t, fixture.Injector("1-22"), elsewhere, byURL("managed"))
	o, _ := options()
	o.IstioNamespace = "istio-system"
	mine, err := o.mesh(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule string
		pod  func() bool
		want bool
	}{
		{"runs a proxy of it", func() bool { return mine(item("a/b", "", v1alpha1.Unexpected, runs("1-22", "1"))) }, true},
		{"would get one of it", func() bool { return mine(item("a/b", "", v1alpha1.Missing, wants("1-22", "1"))) }, true},
		{"of a control plane that may be anywhere", func() bool { return mine(item("a/b", "", v1alpha1.Current, runs("managed", "1"))) }, true},
		{"of the other mesh", func() bool {
			return mine(item("a/b", "", v1alpha1.Current, runs("1-24", "1"), wants("1-24", "1")))
		}, false},
		{"of none", func() bool { return mine(item("a/b", "", v1alpha1.None)) }, false},
		{"unknown", func() bool { return mine(item("a/b", "", v1alpha1.Unknown)) }, true},
	} {
		if got := c.pod(); got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
	o.IstioNamespace = "nowhere"
	if _, err := o.mesh(meshOf(t, fixture.Injector("1-22"), elsewhere)); message(err) !=
		"--istio-namespace nowhere: no injector's control plane is there; there are some in istio-system, aks-istio-system" {
		t.Errorf("got %v", err)
	}
	if _, err := o.mesh(meshOf(t)); message(err) != "--istio-namespace nowhere: no injector's control plane is there" {
		t.Errorf("got %v", err)
	}
	o.IstioNamespace = ""
	all, err := o.mesh(m)
	if err != nil || !all(item("a/b", "", v1alpha1.None)) {
		t.Errorf("without --istio-namespace every pod counts: %v", err)
	}
}

func TestOnlyTheTargetsPodsAreLookedAt(t *testing.T) {
	if only(nil) != nil {
		t.Error("without targets there is a limit")
	}
	cart := target{Group: "apps", Kind: "Deployment", Name: "cart"}
	gateway := target{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: "gw"}
	istios := target{Group: "networking.istio.io", Kind: "Gateway", Name: "gw"}
	managed := proxy.FromPod(fixture.Pod("shop/gw-1", fixture.Label("gateway.istio.io/managed", "istio.io-gateway-controller"),
		fixture.Label("gateway.networking.k8s.io/gateway-name", "gw")))
	unmanaged := proxy.FromPod(fixture.Pod("shop/gw-1", fixture.Label("gateway.networking.k8s.io/gateway-name", "gw")))
	carts := proxy.FromPod(fixture.Pod("shop/cart-1", fixture.ControlledBy("apps/v1", "Deployment", "cart")))
	for _, c := range []struct {
		rule    string
		targets []target
		pod     proxy.Pod
		want    bool
	}{
		{"a workload's pod", []target{cart}, carts, true},
		{"the pod itself", []target{{Kind: "Pod", Name: "cart-1"}}, carts, true},
		{"one of several targets", []target{gateway, cart}, carts, true},
		{"a Gateway's pod", []target{gateway}, managed, true},
		{"not for Istio's own Gateways", []target{istios}, managed, false},
		{"not where istiod does not manage it", []target{gateway}, unmanaged, false},
		{"another's pod", []target{cart}, managed, false},
	} {
		if got := only(c.targets)(c.pod, (&workload.Owners{}).Of(c.pod)); got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestEveryGroupingIsOneThatValidationTakes(t *testing.T) {
	for _, by := range groupings() {
		if g := groupingOf(by); g.by != by || g.key == nil || len(g.keyColumns) == 0 {
			t.Errorf("%s: %+v", by, g)
		}
	}
	if !slices.Contains(groupings(), byWorkload) {
		t.Error("the default is no grouping")
	}
}
