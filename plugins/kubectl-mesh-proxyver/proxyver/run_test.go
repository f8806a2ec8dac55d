package proxyver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
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

// because is a scan of one pod that is unknown for this reason.
func because(reason string) *seen {
	s := statuses(map[v1alpha1.Status]int{v1alpha1.Unknown: 1})
	s.unknown = []string{reason}
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
		{"what could not be read explains what is unknown", because("no label: cannot read pods: for\nbidden"), "", []cluster.Gap{gap}, 1,
			"the answer is incomplete: unknown: 1 of 1 pods", "warning: cannot read pods: for\\nbidden\n"},
		{"what could not be read does not explain all that is unknown", unknown, "", []cluster.Gap{gap}, 1, "the answer is incomplete: unknown: 2 of 3 pods",
			"warning: cannot read pods: for\\nbidden\nwarning: unknown: the\\x1breason\n"},
		{"what could not be read, though no pod is unknown", outdated, "any", []cluster.Gap{gap, gap}, 1, "the answer is incomplete: reads that were refused: 2",
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

func TestAQuietGapIsToldWhereItIsAReason(t *testing.T) {
	services, gateways := cluster.Gap{Missing: "services", Err: errors.New("none")}, cluster.Gap{Missing: "gateways", Err: errors.New("none")}
	s := newSeen()
	s.quiet = []cluster.Gap{gateways, services}
	for i := range 3 * shownReasons {
		s.takeReason(fmt.Sprintf("Gateway %d: %v", i, services))
	}
	s.takeReason("another")
	if len(s.gaps) != 1 || s.gaps[0].Missing != "services" || len(s.quiet) != 1 || len(s.unknown) != 1 || s.moreUnknown != 0 {
		t.Errorf("%+v", s)
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
func meshOf(t testing.TB, injectors ...*admissionv1.MutatingWebhookConfiguration) *mesh.Mesh {
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
			var text bytes.Buffer
			out, err := o.output(&text)
			if err != nil {
				t.Fatal(err)
			}
			if err := out.add(item("shop/cart-1", "apps/Deployment/cart", v1alpha1.Outdated, runs("1-24", "1.23.9"), wants("1-22", "1.22.0"))); err != nil {
				t.Fatal(err)
			}
			o.addInstalled(tallyOf(out), m)
			if err := out.finish(); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file, text.String())
		})
	}
}

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

// injectorIn is the injector of a control plane in that namespace.
func injectorIn(namespace, rev string) *admissionv1.MutatingWebhookConfiguration {
	c := fixture.Injector(rev)
	c.Name += "-" + namespace
	for i := range c.Webhooks {
		c.Webhooks[i].ClientConfig.Service.Namespace = namespace
	}
	return c
}

func TestOneMeshOfSeveralIsChosenByItsNamespace(t *testing.T) {
	elsewhere, alsoElsewhere := injectorIn("aks-istio-system", "1-24"), injectorIn("aks-istio-system", "default")
	m := meshOf(t, fixture.Injector("1-22"), fixture.Injector("default"), elsewhere, alsoElsewhere, byURL("managed"))
	o, _ := options()
	o.IstioNamespace = "istio-system"
	mine, err := scan.OfMesh(m, o.IstioNamespace)
	if err != nil {
		t.Fatal(err)
	}
	const here, other, anywhere = "istio-system", "aks-istio-system", ""
	ofType := func(role proxy.Type) func(*scan.Item) { return func(i *scan.Item) { i.Pod.Type = role } }
	for _, c := range []struct {
		rule string
		item scan.Item
		want bool
	}{
		{"runs a proxy of it", item("a/b", "", v1alpha1.Unexpected, runs("1-22", "1")), true},
		{"would get one of it", item("a/b", "", v1alpha1.Missing, wants("1-22", "1"), decidedBy(here, "1-22")), true},
		{"runs one of it and would get the other mesh's", item("a/b", "", v1alpha1.Outdated, runs("1-22", "1"), wants("1-24", "2"), decidedBy(other, "1-24")), true},
		{"runs the other mesh's and would get one of it", item("a/b", "", v1alpha1.Outdated, runs("1-24", "1"), wants("1-22", "2"), decidedBy(here, "1-22")), true},
		{"of a control plane that may be anywhere", item("a/b", "", v1alpha1.Current, runs("managed", "1")), true},
		{"would get one of a control plane that may be anywhere", item("a/b", "", v1alpha1.Missing, wants("managed", "1"), decidedBy(anywhere, "managed")), true},
		{"runs the other mesh's and would get that", item("a/b", "", v1alpha1.Outdated, runs("1-24", "1"), wants("managed", "2"), decidedBy(anywhere, "managed")), true},
		{"of the other mesh", item("a/b", "", v1alpha1.Current, runs("1-24", "1"), wants("1-24", "1"), decidedBy(other, "1-24")), false},
		{"would get one of the other mesh", item("a/b", "", v1alpha1.Missing, wants("1-24", "1"), decidedBy(other, "1-24")), false},
		{"runs the other mesh's, and would get none", item("a/b", "", v1alpha1.Unexpected, runs("1-24", "1")), false},
		{"of a revision by a name that both meshes have", item("a/b", "", v1alpha1.Current, runs("default", "1"), wants("default", "1"), decidedBy(other, "default")), true},
		{"would get the other mesh's revision of that name", item("a/b", "", v1alpha1.Missing, wants("default", "1"), decidedBy(other, "default")), false},
		{"an orphan that would get none", item("a/b", "", v1alpha1.Orphaned, runs("gone", "1")), true},
		{"an orphan that would get one of it", item("a/b", "", v1alpha1.Orphaned, runs("gone", "1"), wants("1-22", "2"), decidedBy(here, "1-22")), true},
		{"an orphan that would get the other mesh's", item("a/b", "", v1alpha1.Orphaned, runs("gone", "1"), wants("1-24", "2"), decidedBy(other, "1-24")), true},
		{"an own-template proxy of it", item("a/b", "", v1alpha1.Current, runs("1-22", "1"), decidedBy("", "1-22")), true},
		{"an own-template proxy of the other mesh", item("a/b", "", v1alpha1.Current, runs("1-24", "1"), decidedBy("", "1-24")), false},
		{"an own-template proxy that names no revision", item("a/b", "", v1alpha1.Current, runs("", "1")), true},
		{"ztunnel names no revision", item("a/b", "", v1alpha1.Current, runs("", "1"), ofType(proxy.Ztunnel)), true},
		{"of none", item("a/b", "", v1alpha1.None), false},
		{"of none, though its control plane was asked", item("a/b", "", v1alpha1.None, decidedBy(here, "1-22")), false},
		{"unknown", item("a/b", "", v1alpha1.Unknown), true},
		{"unknown, of the other mesh", item("a/b", "", v1alpha1.Unknown, decidedBy(other, "1-24")), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := mine(c.item); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	tagOnly := meshOf(t, fixture.TagInjector("prod", "1-22"))
	if _, err := scan.OfMesh(tagOnly, o.IstioNamespace); err != nil {
		t.Errorf("a tag's injector calls a control plane that is there: %v", err)
	}
	o.IstioNamespace = "nowhere"
	if _, err := scan.OfMesh(meshOf(t, fixture.Injector("1-22"), elsewhere, alsoElsewhere), o.IstioNamespace); message(err) !=
		"--istio-namespace nowhere: no injector's control plane is there; there are some in aks-istio-system, istio-system" {
		t.Errorf("got %v", err)
	}
	if _, err := scan.OfMesh(meshOf(t), o.IstioNamespace); message(err) != "--istio-namespace nowhere: no injector's control plane is there, nor in any other namespace" {
		t.Errorf("got %v", err)
	}
	o.IstioNamespace = ""
	all, err := scan.OfMesh(m, o.IstioNamespace)
	if err != nil || !all(item("a/b", "", v1alpha1.None)) {
		t.Errorf("without --istio-namespace every pod counts: %v", err)
	}
}

// naming is what a command line with those names makes of them.
func naming(names ...target) targets {
	named := targets{}
	for _, n := range names {
		named[n] = false
	}
	return named
}

func TestATargetToWhichNoPodCanBeTracedIsAnError(t *testing.T) {
	widget, gadget := target{Group: "example.com", Kind: "Widget", Name: "w"}, target{Group: "example.com", Kind: "Gadget", Name: "g"}
	cart := target{Group: "apps", Kind: "Deployment", Name: "cart"}
	widgets := proxy.FromPod(fixture.Pod("shop/w-1", fixture.ControlledBy("example.com/v1", "Widget", "w")))
	others := proxy.FromPod(fixture.Pod("shop/x", fixture.ControlledBy("apps/v1", "DaemonSet", "x")))
	untraced := func(name string) string {
		return "no pod can be traced to " + name + ": name the workload that it made, such as its Deployment"
	}
	for _, c := range []struct {
		rule    string
		targets targets
		pods    []proxy.Pod
		want    string
	}{
		{"nothing is named", nil, nil, ""},
		{"a workload without pods", naming(cart), []proxy.Pod{others}, ""},
		{"a controller that is not listed, with pods", naming(widget), []proxy.Pod{others, widgets, others}, ""},
		{"one without", naming(widget), []proxy.Pod{others}, untraced("widget/w")},
		{"beside a workload", naming(cart, widget), nil, untraced("widget/w")},
		{"the first of several by name", naming(widget, gadget), nil, untraced("gadget/g")},
		{"one of several has pods", naming(widget, gadget), []proxy.Pod{widgets}, untraced("gadget/g")},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if only := c.targets.only(); only != nil {
				for _, p := range c.pods {
					only(p, (&workload.Owners{}).Of(p))
				}
			}
			if err := c.targets.untraced(); message(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestEveryTargetOfAPodCountsAsFound(t *testing.T) {
	pod := target{Kind: "Pod", Name: "w-1"}
	widget := target{Group: "example.com", Kind: "Widget", Name: "w"}
	named := naming(pod, widget)
	p := proxy.FromPod(fixture.Pod("shop/w-1", fixture.ControlledBy("example.com/v1", "Widget", "w")))
	if !named.only()(p, (&workload.Owners{}).Of(p)) || !named[pod] || !named[widget] {
		t.Errorf("got %v", named)
	}
}

// sourceOf scans the pods of a cluster against a mesh.
func sourceOf(f *faulty.Cluster, m *mesh.Mesh) *source {
	clients := f.Clients()
	return &source{
		mesh: m, owners: workload.NewOwners(), sets: scan.ReadDaemonSets(clients), clients: clients,
		each: func(ctx context.Context, s *scan.Scanner, options scan.Options, do func(scan.Item) error) (scan.Result, error) {
			return s.Each(ctx, clients, options, do)
		},
	}
}

func TestPodsThatAskForAProxyByALabelThatNamesNothingAreCounted(t *testing.T) {
	f := faulty.New("mistyped", fixture.Injector("1-22"), fixture.ConfigMap("1-22", "1.22.0"), fixture.Pod("shop/a"), fixture.Pod("shop/b"),
		fixture.Pod("shop/own", fixture.Proxy(repository+"1.22.0")), fixture.Pod("shop/out", fixture.Label("sidecar.istio.io/inject", "false")))
	m, err := mesh.Read(t.Context(), f.Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule          string
		all           bool
		shown, hidden int
		stderr        string
	}{
		{"hidden ones", false, 1, 3, "warning: not shown: pods without a proxy whose label asks for a revision or tag that does not exist: 2; see them with --all -o wide\n"},
		{"not where they are shown", true, 4, 0, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, errOut := options()
			o.All = c.all
			out, err := o.output(io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := o.scan(t.Context(), sourceOf(f, m), out)
			if err != nil || s.shown != c.shown || s.hidden != c.hidden {
				t.Fatalf("got %+v, %v", s, err)
			}
			o.sayDangling(s)
			if errOut.String() != c.stderr {
				t.Errorf("got %q, want %q", errOut, c.stderr)
			}
		})
	}
}

func TestOnlyTheTargetsPodsAreLookedAt(t *testing.T) {
	if targets(nil).only() != nil || (targets{}).only() != nil {
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
		if got := naming(c.targets...).only()(c.pod, (&workload.Owners{}).Of(c.pod)); got != c.want {
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
