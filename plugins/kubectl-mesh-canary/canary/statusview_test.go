package canary

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
)

func rev(value string) map[string]string { return map[string]string{upgrade.Rev: value} }

func onto(to string, moved, of, ready int) upgradehands.Pods {
	return upgradehands.Pods{All: of, Ready: ready, Proxies: of, ByRevision: map[string]int{to: moved, "1-22": of - moved}}
}

// underWay is an upgrade in the middle, with every form of namespaces.
func underWay() *moment {
	injection := map[string]string{upgrade.Injection: "enabled"}
	u := &v1alpha1.CanaryUpgrade{
		Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", IstioNamespace: "istio-system", StableTag: "prod-stable", CanaryTag: "prod-canary",
		StartedAt: metav1.NewTime(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)),
		Tags: []v1alpha1.UpgradeTag{
			{Name: "prod-stable", Before: "1-22"}, {Name: "prod-canary", Wrote: []string{"1-23"}}, {Name: "default", Before: "1-22"},
		},
		Namespaces: []v1alpha1.UpgradeNamespace{
			{Name: "shop", UID: "shop", Form: v1alpha1.ByTag, Before: rev("prod-stable"), Wrote: []map[string]string{rev("prod-canary")}, Moved: true},
			{Name: "bank", UID: "bank", Form: v1alpha1.ByDefaultTag, Before: injection, Wrote: []map[string]string{rev("prod-canary")}},
			{Name: "mill", UID: "mill", Form: v1alpha1.ByRevision, Before: rev("1-22"), Wrote: []map[string]string{rev("prod-canary")}, Moved: true},
			{Name: "gone", UID: "gone", Form: v1alpha1.ByTag, Before: rev("prod-stable")},
			{Name: "gitops", UID: "gitops", Form: v1alpha1.ByTag, Before: rev("prod-stable"), Wrote: []map[string]string{rev("prod-canary")}, Moved: true},
		},
		Addresses: []v1alpha1.UpgradeAddresses{
			{Namespace: "ingress", Service: "edge", Addresses: []string{"203.0.113.10"}},
			{Namespace: "ingress", Service: "inner", Addresses: []string{"10.0.0.7"}},
			{Namespace: "ingress", Service: "removed", Addresses: []string{"10.0.0.8"}},
		},
	}
	u.Kind, u.APIVersion = v1alpha1.CanaryUpgradeKind, v1alpha1.APIVersion
	seen := &upgrade.Seen{
		Tags: map[string]upgrade.Tag{"prod-stable": {Revision: "1-22"}, "prod-canary": {Revision: "1-23"}, "default": {Revision: "1-22"}},
		Namespaces: map[string]upgrade.Namespace{
			"shop": {UID: "shop", Labels: rev("prod-canary")}, "bank": {UID: "bank", Labels: rev("prod-canary")},
			"mill": {UID: "mill", Labels: rev("1-21")}, "tower": {UID: "tower", Labels: rev("1-22")},
			"gitops": {UID: "gitops", Labels: rev("prod-stable")}, "yard": {UID: "yard", Labels: injection}, "ingress": {UID: "ingress", Labels: rev("prod-stable")},
		},
	}
	at := func(rev string) revision.ControlPlane {
		return revision.ControlPlane{Namespace: "istio-system", Revision: rev}
	}
	edge := map[string]string{"istio": "edge"}
	return &moment{
		namespace: "istio-system", upgrade: u, seen: seen, revisions: []string{"1-22", "1-23"},
		planes: controlplane.Deployments{
			at("1-22"): {Version: "1.22.0", Replicas: 2, Ready: 2}, at("1-23"): {Version: "1.23.0", Replicas: 2, Ready: 1},
		},
		pods: &upgradehands.Counted{
			ByNamespace: map[string]upgradehands.Pods{
				"shop": onto("1-23", 3, 3, 3), "bank": onto("1-23", 1, 4, 3), "mill": onto("1-23", 2, 2, 2), "tower": onto("1-23", 0, 12, 12),
				"yard": onto("1-23", 0, 1, 1), "ingress": onto("1-23", 1, 3, 3),
			},
			Gateways: []proxy.Pod{
				gatewayPod("edge", "Deployment", "1-22"), gatewayPod("edge", "Deployment", "1-22"), gatewayPod("edge-1-23", "Deployment", "1-23"),
				gatewayPod("nodes", "DaemonSet", "1-22"), gatewayPod("elsewhere", "DaemonSet", "1-21"),
			},
		},
		gateways: &gateways.Found{
			Deployments: []gateways.Deployment{
				{Namespace: "ingress", Name: "edge", Replicas: 2, Ready: 2, Labels: edge, Follows: true},
				{Namespace: "ingress", Name: "edge-1-23", Replicas: 1, Ready: 1, Labels: edge, Follows: true},
				{Namespace: "ingress", Name: "new", Replicas: 1, Labels: map[string]string{"istio": "new"}, Follows: true},
				{Namespace: "ingress", Name: "others", Replicas: 1, Labels: map[string]string{"istio": "others"}},
			},
			Services: []gateways.Service{
				{Namespace: "ingress", Name: "edge", Selector: edge, Addresses: []string{"203.0.113.99"}},
				{Namespace: "ingress", Name: "inner", Selector: edge, Addresses: []string{"10.0.0.7"}},
				{Namespace: "ingress", Name: "new", Selector: map[string]string{"istio": "new"}, Addresses: []string{"lb.example"}},
				{Namespace: "ingress", Name: "others", Selector: map[string]string{"istio": "others"}, Addresses: []string{"10.0.0.9"}},
			},
		},
	}
}

func gatewayPod(owner, kind, rev string) proxy.Pod {
	hash := map[string]string{"istio": "edge"}
	name := owner
	if kind == "Deployment" {
		kind, name = "ReplicaSet", owner+"-7d9"
		hash["pod-template-hash"] = "7d9"
	}
	return proxy.Pod{
		Namespace: "ingress", Name: name + "-x", Labels: hash, Ready: true, Type: proxy.Gateway, Container: &proxy.Container{Image: "proxyv2"},
		Annotations: map[string]string{"istio.io/rev": rev}, Controller: &metav1.OwnerReference{Kind: kind, Name: name},
	}
}

// asPrinted is what a status has on stdout and on stderr.
func asPrinted(t *testing.T, m *moment, output string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := (&statusOptions{Output: output}).write(&out, &errOut, m); err != nil {
		t.Fatal(err)
	}
	return "stdout:\n" + out.String() + "stderr:\n" + errOut.String()
}

func refused(what string, namespaces ...string) *cluster.Gap {
	return &cluster.Gap{Missing: what, Namespaces: namespaces, Err: errors.New(what + " is forbidden")}
}

func TestTheStatusOfAnUpgrade(t *testing.T) {
	at := func(phase v1alpha1.Phase, change func(*moment)) *moment {
		m := underWay()
		m.upgrade.Phase = phase
		change(m)
		return m
	}
	nothing := func(*moment) {}
	for name, m := range map[string]*moment{
		"started": underWay(), "completing": at(v1alpha1.PhaseCompleting, nothing), "rolling-back": at(v1alpha1.PhaseRollingBack, nothing),
		"completed": at(v1alpha1.PhaseCompleted, func(m *moment) {
			m.revisions, m.upgrade.Namespaces = []string{"1-23"}, m.upgrade.Namespaces[:1]
			delete(m.planes, revision.ControlPlane{Namespace: "istio-system", Revision: "1-22"})
			m.gateways = &gateways.Found{}
			m.pods.Gateways, m.upgrade.Addresses = nil, nil
		}),
		"rolled-back": at(v1alpha1.PhaseRolledBack, func(m *moment) { m.gateways, m.pods.Gateways = &gateways.Found{}, nil }),
		"tags": at(v1alpha1.PhaseStarted, func(m *moment) {
			m.seen.Tags = map[string]upgrade.Tag{"prod-canary": {Revision: "1-23", Half: true}, "default": {Revision: "1-21"}}
			m.gateways, m.pods.Gateways, m.upgrade.Addresses = &gateways.Found{}, nil, nil
		}),
		"forbidden-services": at(v1alpha1.PhaseStarted, func(m *moment) {
			m.gateways.Services, m.gateways.NoServices = nil, refused("services")
			m.gaps = m.gateways.Gaps()
		}),
		"forbidden-in-one-namespace": at(v1alpha1.PhaseStarted, func(m *moment) {
			m.gateways.Deployments, m.gateways.NoDeployments = nil, refused("deployments in namespace ingress", "ingress")
			m.pods.Gap = refused("pods in namespace bank", "bank")
			m.gaps = append(m.gateways.Gaps(), *m.pods.Gap)
		}),
		"forbidden-all": at(v1alpha1.PhaseStarted, func(m *moment) {
			m.seen, m.revisions, m.planes = nil, nil, nil
			m.pods = upgradehands.NewCounted()
			m.pods.Gap = refused("pods")
			m.gateways = &gateways.Found{NoDeployments: refused("deployments.apps"), NoServices: refused("services")}
			m.gaps = append(m.gateways.Gaps(), *m.pods.Gap, *refused("tags and namespaces"))
			for i := range m.upgrade.Namespaces {
				m.upgrade.Namespaces[i].Moved = true
			}
		}),
		"nothing-recorded": {namespace: "istio-system"},
	} {
		t.Run(name, func(t *testing.T) { golden.Equal(t, "status-"+name+".txt", asPrinted(t, m, "")) })
	}
	golden.Equal(t, "status-wide.txt", asPrinted(t, underWay(), outputWide))
}

func TestAStatusFits80Columns(t *testing.T) {
	// The label is what the tag has told already, and may be cut.
	for line := range strings.Lines(asPrinted(t, underWay(), "")) {
		for _, label := range []string{"istio.io/rev", "istio-injection"} {
			line, _, _ = strings.Cut(line, label)
		}
		if len(strings.TrimRight(line, " \n")) > 80 && !strings.HasPrefix(line, "Next: ") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestNamesFromTheClusterCannotWriteToTheTerminal(t *testing.T) {
	m := underWay()
	m.upgrade.From, m.upgrade.Addresses[0].Service, m.upgrade.Namespaces[0].Name = "1-22\x1b[2J", "edge\x1b[2J", "shop\x1b[2J"
	m.gaps = []cluster.Gap{*refused("pods\x1b[2J")}
	if text := asPrinted(t, m, ""); strings.Contains(text, "\x1b") {
		t.Errorf("got %q", text)
	}
}

func TestOnAPipeEveryChangeIsALine(t *testing.T) {
	var out, errOut bytes.Buffer
	o := &statusOptions{}
	o.Out, o.ErrOut = &out, &errOut
	v := &lineView{statusOptions: o, complaint: complaint{to: &errOut}}
	said := ""
	shows := func(what string, m *moment, lost error) {
		t.Helper()
		out.Reset()
		errOut.Reset()
		if err := v.show(m, lost); err != nil {
			t.Fatal(err)
		}
		said += fmt.Sprintf("== %s\nstdout:\n%sstderr:\n%s", what, &out, &errOut)
	}
	shows("nothing recorded", &moment{namespace: "istio-system"}, nil)
	shows("still nothing", &moment{namespace: "istio-system"}, nil)
	shows("started", underWay(), nil)
	shows("no change", underWay(), nil)
	m := underWay()
	m.pods.ByNamespace["bank"] = onto("1-23", 2, 4, 4)
	shows("a pod moves", m, nil)
	m = underWay()
	m.pods.ByNamespace["bank"] = onto("1-23", 4, 4, 4)
	m.upgrade.Namespaces[1].Moved = true
	m.upgrade.Namespaces = m.upgrade.Namespaces[:3]
	shows("a namespace is moved, another is gone", m, nil)
	shows("lost", m, errors.New("refused"))
	shows("still lost", m, errors.New("refused"))
	now := *m
	now.gaps = []cluster.Gap{*refused("pods")}
	now.gateways = &gateways.Found{}
	shows("back, and no gateways any more", &now, nil)
	golden.Equal(t, "status-watch.txt", said)
}

func TestTheRecordIsPrintedWhenItChanges(t *testing.T) {
	var out, errOut bytes.Buffer
	o := &statusOptions{Output: "yaml", formats: plugin.NewFormats()}
	o.Out, o.ErrOut = &out, &errOut
	v, err := o.view()
	if err != nil {
		t.Fatal(err)
	}
	m := underWay()
	for _, shown := range []*moment{{namespace: "istio-system"}, {namespace: "istio-system"}, m, m, {namespace: "istio-system", upgrade: underWay().upgrade}} {
		if err := v.show(shown, nil); err != nil {
			t.Fatal(err)
		}
	}
	m = underWay()
	m.upgrade.Phase = v1alpha1.PhaseCompleting
	if err := v.show(m, nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "phase: "); got != 2 || strings.Count(errOut.String(), "No upgrade is recorded") != 1 {
		t.Errorf("got %d records:\n%s%s", got, &out, &errOut)
	}
}
