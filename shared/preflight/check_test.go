package preflight

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

type set = map[string]string

func certificate(text string) string {
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: []byte(text)})
	return out.String()
}

func plane(rev, version string) Plane {
	mesh := "defaultConfig:\n  discoveryAddress: istiod-" + rev + ".istio-system.svc:15012\nenableTracing: true\n" +
		"extensionProviders:\n- name: otel\n  opentelemetry: {port: 4317}\ntrustDomain: cluster.local\n"
	return Plane{
		ControlPlane: revision.ControlPlane{Namespace: "istio-system", Revision: rev}, Installed: true,
		Deployment: &controlplane.Deployment{Name: "istiod-" + rev, Version: version, Replicas: 2, Ready: 2, Updated: 2, Observed: true},
		Autoscaler: &Autoscaler{Name: "istiod-" + rev, Minimum: 1, Maximum: 5},
		Mesh:       Document{ConfigMap: "istio-" + rev, Key: "mesh", Exists: true, Text: mesh},
		Shared:     Document{ConfigMap: "istio-shared-configmap-" + rev, Key: "mesh"},
		Values: Document{ConfigMap: "istio-sidecar-injector-" + rev, Key: "values", Exists: true,
			Text: `{"global":{"tag":"` + version + `","hub":"docker.io/istio"},"revision":"` + rev + `","pilot":{"tag":"` + version + `"}}`},
		CABundle: certificate("root"), Root: certificate("root"), Answer: Answer{Namespace: "istio-system", Revision: rev},
	}
}

// clean is a mesh of everything, in which all is well.
func clean() Facts {
	return Facts{
		From: plane("1-22", "1.22.0"), To: plane("1-23", "1.23.0"), RootNamespace: "istio-system", ProxyVersions: []string{"1.22.0"},
		Injectors: injectors(fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.TagInjector("prod", "1-22"), fixture.TagInjector("canary", "1-23")),
		Namespaces: []Namespace{
			{Name: "shop", Labels: set{"istio.io/rev": "prod"}, Follows: revision.ControlPlane{Namespace: "istio-system", Revision: "1-22"}, OnFrom: 5, Injected: 5},
			{Name: "other", Labels: set{"istio.io/rev": "1-23"}, Follows: revision.ControlPlane{Namespace: "istio-system", Revision: "1-23"}, ManagedBy: "Argo CD application other"},
			{Name: "plain"},
		},
		Workloads: []Workload{
			{Namespace: "shop", Ref: workload.Ref{Group: "apps", Kind: "Deployment", Name: "cart"}, Labels: set{"app": "cart"}, Pods: 2, OnFrom: 2, Follows: true,
				Strategy: rollout.Rolling, Replicas: 2, GracePeriod: 30, Probed: true},
			{Namespace: "shop", Ref: workload.Ref{Group: "apps", Kind: "StatefulSet", Name: "orders"}, Labels: set{"app": "orders"}, Pods: 3, OnFrom: 3, Follows: true,
				Strategy: rollout.Rolling, Replicas: 3, GracePeriod: 30, Probed: true},
			// Nothing of what is wrong with this one is of concern: another revision's proxies are beside it.
			{Namespace: "other", Ref: workload.Ref{Group: "apps", Kind: "Deployment", Name: "lone"}, Labels: set{"istio.io/rev": "1-23"}, Strategy: rollout.Recreate, Replicas: 1, Paused: true},
		},
		Budgets:         []Budget{{Namespace: "shop", Name: "others", Selector: labels.SelectorFromSet(set{"app": "else"}), Healthy: 2, Desired: 2, Expected: 2}},
		EnvoyFilters:    []EnvoyFilter{{Namespace: "shop", Name: "both", Versions: []string{`^1\.2[23].*`}}, {Namespace: "other", Name: "elsewhere", Versions: []string{`^1\.22.*`}}},
		VirtualServices: []VirtualService{{Namespace: "other", Name: "elsewhere", Routes: []Route{{Position: 0}}}},
	}
}

func TestACleanMeshGivesNoFinding(t *testing.T) {
	if got := Check(clean()); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// planted is one thing that is wrong, and what is said of it: severity, category, check, object, message and remedy.
type planted struct {
	rule  string
	plant func(*Facts)
	want  string
}

func (p planted) test(t *testing.T) {
	f := clean()
	p.plant(&f)
	var got []string
	for _, x := range Check(f) {
		got = append(got, strings.Join([]string{
			string(x.Severity), string(x.Category), x.Check, strings.Trim(x.Object.Kind+"/"+x.Object.Namespace+"/"+x.Object.Name, "/"), x.Message, x.Remedy,
		}, "\n"))
	}
	if all := strings.Join(got, "\n--\n"); all != p.want {
		t.Errorf("got:\n%s\nwant:\n%s", all, p.want)
	}
}

func lines(text ...string) string { return strings.Join(text, "\n") }

func document(d *Document, text string) { d.Exists, d.Text = true, text }

func TestWhatIsWrongWithTheTarget(t *testing.T) {
	const (
		rootsIn      = `kubectl get secrets cacerts istio-ca-secret -n istio-system --ignore-not-found -o jsonpath='{range .items[*]}{.metadata.name} {.data.root-cert\.pem} {.data.ca\.crt} {.data.ca-cert\.pem}{"\n"}{end}'`
		compareRoots = "compare the root certificates of the two CAs (in cacerts root-cert.pem or ca.crt; without that secret ca-cert.pem in istio-ca-secret): " + rootsIn
		unknownRoots = "could not be checked: whether proxies of the two revisions have the same root certificates: the API server knows only one of the two istiods by a certificate"

		otherCertificates = "the API server knows the two istiods by different certificates: unless somebody else than istiod's CA signs for one, proxies of the two revisions would not trust each other"
	)
	compareBoth := compareRoots + "; " + strings.ReplaceAll(rootsIn, "istio-system", "istio-two")
	for _, p := range []planted{
		{"not installed", func(f *Facts) { f.To = Plane{ControlPlane: revision.ControlPlane{Revision: "1-24"}} },
			lines("error", "control-plane", "not-installed", "Revision//1-24", "revision 1-24 is not installed: no injector is its own", "istioctl install --revision 1-24")},
		{"not installed, on AKS", func(f *Facts) {
			f.From.Namespace, f.To = "aks-istio-system", Plane{ControlPlane: revision.ControlPlane{Revision: "asm-1-24"}}
		},
			lines("error", "control-plane", "not-installed", "Revision//asm-1-24", "revision asm-1-24 is not installed: no injector is its own", "az aks mesh upgrade start --resource-group <GROUP> --name <CLUSTER> --revision asm-1-24")},
		{"not installed, and without a revision", func(f *Facts) { f.To = Plane{ControlPlane: revision.ControlPlane{Revision: "default"}} },
			lines("error", "control-plane", "not-installed", "Revision//default", "revision default is not installed: no injector is its own", "istioctl install")},
		{"not installed, in another namespace than the usual", func(f *Facts) {
			f.From.Namespace, f.To = "mesh", Plane{ControlPlane: revision.ControlPlane{Revision: "1-24"}}
		},
			lines("error", "control-plane", "not-installed", "Revision//1-24", "revision 1-24 is not installed: no injector is its own", "istioctl install --revision 1-24 --istioNamespace mesh --set values.global.istioNamespace=mesh")},
		{"not installed, outside the cluster", func(f *Facts) {
			f.From.Namespace, f.To = "", Plane{ControlPlane: revision.ControlPlane{Revision: "1-24"}}
		},
			lines("error", "control-plane", "not-installed", "Revision//1-24", "revision 1-24 is not installed: no injector is its own", "have it installed as 1-22 was, whose control plane is outside this cluster")},
		{"a tag", func(f *Facts) { f.To = Plane{ControlPlane: revision.ControlPlane{Revision: "canary"}, TagOf: "1-23"} },
			lines("error", "control-plane", "not-installed", "Revision//canary", "canary is no revision, but a tag of revision 1-23", "kubectl mesh-canary check --to 1-23")},
		{"a replica that is not ready", func(f *Facts) { f.To.Deployment.Ready = 1 },
			lines("error", "control-plane", "not-ready", "Deployment/istio-system/istiod-1-23", "1 of 2 replicas of istiod is ready", "kubectl rollout status deployment/istiod-1-23 -n istio-system")},
		{"no replicas", func(f *Facts) { f.To.Deployment.Replicas, f.To.Deployment.Ready = 0, 0 },
			lines("error", "control-plane", "not-ready", "Deployment/istio-system/istiod-1-23", "istiod is scaled to no replicas", "kubectl scale deployment/istiod-1-23 -n istio-system --replicas=2")},
		{"being rolled out", func(f *Facts) { f.To.Deployment.Updated = 1 },
			lines("error", "control-plane", "not-ready", "Deployment/istio-system/istiod-1-23", "istiod is being rolled out: 1 of 2 replicas updated", "kubectl rollout status deployment/istiod-1-23 -n istio-system")},
		{"a webhook that fails", func(f *Facts) { f.To.Answer = Answer{Failure: "rev.object.sidecar-injector.istio.io: no route"} },
			lines("error", "control-plane", "webhook-failed", "Revision/istio-system/1-23", "its webhook does not serve: rev.object.sidecar-injector.istio.io: no route", "see why: kubectl logs -n istio-system -l app=istiod,istio.io/rev=1-23 --tail=50")},
		{"a webhook that does not inject", func(f *Facts) { f.To.Answer.Revision = "" },
			lines("error", "control-plane", "webhook-other", "Revision/istio-system/1-23", "a pod in namespace istio-system that names it is given no proxy", "see its webhooks: kubectl get mutatingwebhookconfigurations -l istio.io/rev=1-23 -o yaml")},
		{"nobody may ask", func(f *Facts) { f.To.Answer = Answer{Unasked: "pods is forbidden"} },
			lines("warning", "unchecked", "webhook-unasked", "Revision/istio-system/1-23", "could not be checked: whether its webhook serves: pods is forbidden", "run this as somebody who may create pods (by dry run) in some namespace")},
		{"another trust domain", func(f *Facts) {
			document(&f.To.Mesh, strings.ReplaceAll(f.To.Mesh.Text, "cluster.local", "new.example.com"))
		},
			lines("error", "control-plane", "trust-domain", "ConfigMap/istio-system/istio-1-23", "trust domain new.example.com, but cluster.local in revision 1-22: identities would change", "install 1-23 with meshConfig.trustDomain=cluster.local")},
		{"another certificate of istiod's", func(f *Facts) { f.To.CABundle = certificate("new") },
			lines("warning", "control-plane", "ca-bundle", "Revision/istio-system/1-23", otherCertificates, compareRoots)},
		{"another certificate of istiod's, in another namespace with the same root", func(f *Facts) { apart(f); f.To.CABundle = certificate("new") },
			lines("warning", "control-plane", "ca-bundle", "Revision/istio-two/1-23", otherCertificates, compareBoth)},
		{"no certificate of one, in another namespace with the same root", func(f *Facts) { apart(f); f.To.CABundle = "" },
			lines("warning", "unchecked", "root-certificate", "Revision/istio-two/1-23", unknownRoots, compareBoth)},
		{"another root in another namespace", func(f *Facts) { apart(f); f.To.Root = certificate("new") },
			lines("error", "control-plane", "root-certificate", "Revision/istio-two/1-23", "the root certificates in ConfigMap istio-ca-root-cert of the two Istio namespaces have none in common: proxies of the two revisions would not trust each other", "give both the same CA: the secret cacerts in namespace istio-two, then restart istiod")},
		{"no root in another namespace, and the same certificates", func(f *Facts) { apart(f); f.To.Root = "" }, ""},
		{"a root that rotates is shared", func(f *Facts) { f.To.CABundle = certificate("new") + certificate("root") }, ""},
		{"no certificates of one", func(f *Facts) { f.To.CABundle = "" }, lines("warning", "unchecked", "root-certificate", "Revision/istio-system/1-23", unknownRoots, compareRoots)},
		{"no certificates at all", func(f *Facts) { f.To.CABundle, f.From.CABundle = "", "" }, ""},
		{"three versions up", func(f *Facts) { f.To.Deployment.Version = "1.25.0"; f.EnvoyFilters = nil },
			lines("error", "version", "version-step", "Revision/istio-system/1-23", "1.22.0 to 1.25.0 is three minor versions up; by revisions it may be two at most: go to 1.24 first", "install a version in between, and move to that first")},
		{"unknown version", func(f *Facts) { f.From.Deployment.Version = ""; f.EnvoyFilters = nil },
			lines("warning", "version", "version-unknown", "Revision/istio-system/1-23", "whether its version may follow is unknown: one of the two versions is unknown (1-22: unknown, 1-23: 1.23.0)", "compare the two by hand: by revisions one may go up two minor versions, in place and on AKS one, and down one")},
	} {
		t.Run(p.rule, p.test)
	}
}

func TestWhatDiffersBetweenTheRevisions(t *testing.T) {
	const copied = `kubectl create configmap istio-shared-configmap-1-23 -n istio-system --from-literal=mesh="$(kubectl get configmap istio-shared-configmap-1-22 -n istio-system -o jsonpath='{.data.mesh}')" --dry-run=client -o yaml | kubectl apply -f -`
	for _, p := range []planted{
		{"a setting that was lost", func(f *Facts) { document(&f.To.Mesh, strings.ReplaceAll(f.To.Mesh.Text, "enableTracing: true\n", "")) },
			lines("warning", "configuration", "mesh-config", "ConfigMap/istio-system/istio-1-23", "enableTracing is not set, but true in revision 1-22", "set it as it was where 1-23 is installed from: --set meshConfig.enableTracing=true; or see that the change is meant")},
		{"a setting that is new", func(f *Facts) { f.To.Mesh.Text += "accessLogFile: /dev/stdout\n" },
			lines("info", "configuration", "mesh-config", "ConfigMap/istio-system/istio-1-23", "accessLogFile is /dev/stdout, but not set in revision 1-22", "see that it is meant: it is new in 1-23")},
		{"a named item of a list", func(f *Facts) { document(&f.To.Mesh, strings.ReplaceAll(f.To.Mesh.Text, "4317", "4318")) },
			lines("warning", "configuration", "mesh-config", "ConfigMap/istio-system/istio-1-23", "extensionProviders[otel].opentelemetry.port is 4318, but 4317 in revision 1-22", "set it as it was where 1-23 is installed from; or see that the change is meant")},
		{"no mesh configuration", func(f *Facts) { f.To.Mesh = Document{ConfigMap: "istio-1-23"} },
			lines("warning", "configuration", "mesh-config", "ConfigMap/istio-system/istio-1-23", "it does not exist, while revision 1-22 has istio-1-22", "install 1-23 anew")},
		{"one that cannot be parsed", func(f *Facts) { f.To.Mesh.Text = "trustDomain: cluster.local\n\tx" },
			lines("warning", "unchecked", "mesh-config", "ConfigMap/istio-system/istio-1-23", "could not be checked: key mesh cannot be parsed: error converting YAML to JSON: yaml: line 2: found a tab character that violates indentation", "compare the two ConfigMaps by hand")},
		{"an injector's value", func(f *Facts) {
			f.To.Values.Text = strings.ReplaceAll(f.To.Values.Text, "docker.io/istio", "example.com/istio")
		},
			lines("warning", "configuration", "injector-values", "ConfigMap/istio-system/istio-sidecar-injector-1-23", "global.hub is example.com/istio, but docker.io/istio in revision 1-22", "set it as it was where 1-23 is installed from: --set values.global.hub=docker.io/istio; or see that the change is meant")},
		{"no autoscaler", func(f *Facts) { f.To.Autoscaler = nil },
			lines("warning", "configuration", "autoscaler", "Deployment/istio-system/istiod-1-23", "it has no HorizontalPodAutoscaler, while revision 1-22 has istiod-1-22 (1 to 5 replicas)", "kubectl autoscale deployment/istiod-1-23 -n istio-system --min=1 --max=5")},
		{"a smaller autoscaler", func(f *Facts) { f.From.Autoscaler.Minimum = 3 },
			lines("warning", "configuration", "autoscaler", "Deployment/istio-system/istiod-1-23", "HorizontalPodAutoscaler istiod-1-23 allows 1 to 5 replicas, that of revision 1-22 3 to 5", `kubectl patch hpa/istiod-1-23 -n istio-system --type merge -p '{"spec":{"minReplicas":3,"maxReplicas":5}}'`)},
		{"an autoscaler instead of replicas", func(f *Facts) { f.From.Autoscaler = nil },
			lines("warning", "configuration", "autoscaler", "Deployment/istio-system/istiod-1-23", "HorizontalPodAutoscaler istiod-1-23 allows 1 to 5 replicas, while revision 1-22 has 2", `kubectl patch hpa/istiod-1-23 -n istio-system --type merge -p '{"spec":{"minReplicas":2,"maxReplicas":5}}'`)},
		{"fewer replicas", func(f *Facts) { f.From.Autoscaler, f.To.Autoscaler, f.From.Deployment.Replicas = nil, nil, 3 },
			lines("warning", "configuration", "replicas", "Deployment/istio-system/istiod-1-23", "it has 2 replicas, while revision 1-22 has 3", "kubectl scale deployment/istiod-1-23 -n istio-system --replicas=3")},
		{"no shared configuration", func(f *Facts) { document(&f.From.Shared, "accessLogFile: /dev/stdout\n") },
			lines("warning", "configuration", "shared-config", "ConfigMap/istio-system/istio-shared-configmap-1-23", "it does not exist, while revision 1-22 has one", copied)},
		{"another shared configuration", func(f *Facts) { document(&f.From.Shared, "a: 1\n"); document(&f.To.Shared, "a: 2\nb: 1\n") },
			lines("warning", "configuration", "shared-config", "ConfigMap/istio-system/istio-shared-configmap-1-23", "it differs from istio-shared-configmap-1-22: a, b", copied)},
		{"a new shared configuration", func(f *Facts) { document(&f.To.Shared, "a: 2\n") },
			lines("info", "configuration", "shared-config", "ConfigMap/istio-system/istio-shared-configmap-1-23", "revision 1-22 has none", "see that its settings are meant")},
	} {
		t.Run(p.rule, p.test)
	}
}

func shop(f *Facts) *Namespace { return &f.Namespaces[0] }

func cart(f *Facts) *Workload { return &f.Workloads[0] }

// apart has the target in a mesh of its own.
func apart(f *Facts) {
	f.To.Namespace, f.To.Answer = "istio-two", Answer{}
	f.To.Mesh.Text = strings.ReplaceAll(f.To.Mesh.Text, ".istio-system.", ".istio-two.")
}

// unrevisioned has the mesh be installed without a revision.
func unrevisioned(f *Facts) {
	f.From = plane("default", "1.22.0")
	f.From.Mesh.Text = strings.ReplaceAll(f.From.Mesh.Text, "istiod-default.", "istiod.")
}

func injectors(configurations ...*admissionv1.MutatingWebhookConfiguration) []revision.Injector {
	var list []admissionv1.MutatingWebhookConfiguration
	for _, c := range configurations {
		list = append(list, *c)
	}
	return revision.Injectors(list)
}

// tagged adds a tag of a revision.
func tagged(f *Facts, tag, rev string) {
	f.Injectors = append(f.Injectors, injectors(fixture.TagInjector(tag, rev))...)
}

// labelled gives the namespace with the proxies labels by which it follows nobody.
func labelled(f *Facts, l set) { shop(f).Labels, shop(f).Follows = l, revision.ControlPlane{} }

// follower adds a namespace that follows the revision to leave by that value of istio.io/rev.
func follower(f *Facts, value string) {
	f.Namespaces = append(f.Namespaces, Namespace{Name: "more", Labels: set{"istio.io/rev": value}, Follows: f.From.ControlPlane})
}

func TestWhatIsWrongWithLabels(t *testing.T) {
	const meant = "; if that is meant, `kubectl label namespace shop istio.io/rev-` says so"
	gateway := func(value string) func(*Facts) {
		return func(f *Facts) {
			f.Gateways = []Gateway{{Namespace: "shop", Name: "gw", Labels: set{"istio.io/rev": value}, Pods: 1}}
		}
	}
	for _, p := range []planted{
		{"two labels on a namespace without proxies", func(f *Facts) {
			labelled(f, set{"istio.io/rev": "prod", "istio-injection": "disabled"})
			shop(f).Injected = 0
		},
			lines("warning", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=disabled contradict one another; the latter decides", "kubectl label namespace shop istio.io/rev-")},
		{"two, of which the one that decides takes its proxies away", func(f *Facts) { labelled(f, set{"istio.io/rev": "prod", "istio-injection": "disabled"}) },
			lines("warning", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=disabled contradict one another; the latter decides; 5 pods would lose the proxy at the next restart"+meant, "kubectl label namespace shop istio-injection-")},
		{"two, of which the other one names nothing", func(f *Facts) { labelled(f, set{"istio.io/rev": "nope", "istio-injection": "disabled"}) },
			lines("warning", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=nope and istio-injection=disabled contradict one another; the latter decides; 5 pods would lose the proxy at the next restart"+meant, "kubectl label namespace shop --overwrite istio.io/rev=1-22 istio-injection-")},
		{"two, of which the other one leads elsewhere", func(f *Facts) { labelled(f, set{"istio.io/rev": "1-23", "istio-injection": "disabled"}) },
			lines("warning", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=1-23 and istio-injection=disabled contradict one another; the latter decides; 5 pods would lose the proxy at the next restart"+meant, "kubectl label namespace shop --overwrite istio.io/rev=1-22 istio-injection-")},
		{"two, of which the one that decides is mistyped", func(f *Facts) { labelled(f, set{"istio.io/rev": "prod", "istio-injection": "true"}) },
			lines("error", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=true contradict one another; the latter decides; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop istio-injection-")},
		{"two, of which nobody follows the one that decides", func(f *Facts) { labelled(f, set{"istio.io/rev": "prod", "istio-injection": "enabled"}) },
			lines("error", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=enabled contradict one another; the latter decides, and no injector follows it; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop istio-injection-")},
		{"two, of which nobody follows either", func(f *Facts) { f.Namespaces[2].Labels = set{"istio.io/rev": "nope", "istio-injection": "enabled"} },
			lines("warning", "labels", "conflicting-labels", "Namespace//plain", "labels istio.io/rev=nope and istio-injection=enabled contradict one another; the latter decides, and no injector follows it", "kubectl label namespace plain istio-injection- istio.io/rev-")},
		{"two, of which the one that decides is followed", func(f *Facts) { shop(f).Labels["istio-injection"] = "enabled"; tagged(f, "default", "1-22") },
			lines("warning", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=enabled contradict one another; the latter decides", "kubectl label namespace shop istio.io/rev-")},
		{"two of another revision's are not of concern", func(f *Facts) { f.Namespaces[1].Labels["istio-injection"] = "disabled" }, ""},
		{"a label that names nothing, and proxies", func(f *Facts) { labelled(f, set{"istio.io/rev": "nope"}) },
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio.io/rev=nope names no revision and no tag; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop --overwrite istio.io/rev=1-22")},
		{"a label that names nothing, where others follow a tag", func(f *Facts) { labelled(f, set{"istio.io/rev": "nope"}); follower(f, "prod") },
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio.io/rev=nope names no revision and no tag; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop --overwrite istio.io/rev=prod")},
		{"a label that names nothing, where more follow the revision", func(f *Facts) {
			labelled(f, set{"istio.io/rev": "nope"})
			follower(f, "prod")
			follower(f, "1-22")
			follower(f, "1-22")
		},
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio.io/rev=nope names no revision and no tag; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop --overwrite istio.io/rev=1-22")},
		{"a label that names nothing, beside a Gateway's pods only", func(f *Facts) { labelled(f, set{"istio.io/rev": "nope"}); shop(f).Injected = 0 },
			lines("warning", "labels", "dangling-label", "Namespace//shop", "istio.io/rev=nope names no revision and no tag", "kubectl label namespace shop istio.io/rev-")},
		{"a label that names nothing", func(f *Facts) { f.Namespaces[2].Labels = set{"istio.io/rev": "nope"} },
			lines("warning", "labels", "dangling-label", "Namespace//plain", "istio.io/rev=nope names no revision and no tag", "kubectl label namespace plain istio.io/rev-")},
		{"injection enabled without a default revision", func(f *Facts) { labelled(f, set{"istio-injection": "enabled"}) },
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio-injection=enabled is followed by no injector: there is no default revision; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop --overwrite istio.io/rev=1-22 istio-injection-")},
		{"a workload's label that has no effect", func(f *Facts) { cart(f).Labels["istio.io/rev"] = "1-23" },
			lines("warning", "labels", "conflicting-labels", "Deployment/shop/cart", "its own label istio.io/rev=1-23 has no effect: the labels of its namespace decide", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":null}}}}}'`)},
		{"a workload that names the moving tag as its namespace does", func(f *Facts) { cart(f).Labels["istio.io/rev"] = "prod" }, ""},
		{"a workload's label that names nothing", func(f *Facts) { labelled(f, nil); follower(f, "prod"); cart(f).Labels["istio.io/rev"] = "nope" },
			lines("error", "labels", "dangling-label", "Deployment/shop/cart", "its own label istio.io/rev=nope names no revision and no tag; it would lose the proxy at the next restart", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"prod"}}}}}'`)},
		{"a workload's label that names nothing, where no tag moves", func(f *Facts) { labelled(f, nil); cart(f).Labels["istio.io/rev"] = "nope" },
			lines("error", "labels", "dangling-label", "Deployment/shop/cart", "its own label istio.io/rev=nope names no revision and no tag; it would lose the proxy at the next restart", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"1-22"}}}}}'`)},
		{"a workload that names the revision, where a tag moves", func(f *Facts) { labelled(f, nil); follower(f, "prod"); cart(f).Labels["istio.io/rev"] = "1-22" },
			lines("warning", "labels", "pinned", "Deployment/shop/cart", "its own label istio.io/rev=1-22 names the revision itself, so that it stays behind when tags and namespaces move", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"prod"}}}}}'`)},
		{"a workload that names the revision, where nobody follows its tag", func(f *Facts) { labelled(f, nil); cart(f).Labels["istio.io/rev"] = "1-22" },
			lines("warning", "labels", "pinned", "Deployment/shop/cart", "its own label istio.io/rev=1-22 names the revision itself, so that it stays behind when tags and namespaces move", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"1-23"}}}}}'`)},
		{"a workload that names the revision, where the default is its tag", func(f *Facts) {
			labelled(f, nil)
			tagged(f, "default", "1-22")
			cart(f).Labels["istio.io/rev"] = "1-22"
		},
			lines("warning", "labels", "pinned", "Deployment/shop/cart", "its own label istio.io/rev=1-22 names the revision itself, so that it stays behind when tags and namespaces move", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"default"}}}}}'`)},
		{"a workload that names the installation without a revision", func(f *Facts) {
			unrevisioned(f)
			f.Injectors = injectors(fixture.Injector("default"), fixture.Injector("1-23"))
			labelled(f, nil)
			cart(f).Labels["istio.io/rev"] = "default"
		}, ""},
		{"a workload that names the moving tag", func(f *Facts) { shop(f).Labels = nil; cart(f).Labels["istio.io/rev"] = "prod" }, ""},
		{"istiod's own Deployment", func(f *Facts) {
			f.Workloads = append(f.Workloads, Workload{Namespace: "istio-system", Ref: workload.Ref{Group: "apps", Kind: "Deployment", Name: "istiod-1-22"},
				Labels: set{"istio.io/rev": "1-22", "sidecar.istio.io/inject": "false"}, Replicas: 1})
		}, ""},
		{"a workload that wants no proxy, by annotation, and names nothing", func(f *Facts) {
			f.Workloads = append(f.Workloads, Workload{Namespace: "plain", Ref: workload.Ref{Group: "apps", Kind: "DaemonSet", Name: "agent"},
				Labels: set{"istio.io/rev": "nope"}, Annotations: set{"sidecar.istio.io/inject": "false"}})
		}, ""},
		{"a CronJob that names the revision, where no tag does", func(f *Facts) {
			f.Injectors = injectors(fixture.Injector("1-22"), fixture.Injector("1-23"))
			shop(f).Labels = set{}
			f.Workloads = []Workload{{Namespace: "shop", Ref: workload.Ref{Group: "batch", Kind: "CronJob", Name: "nightly"}, Labels: set{"istio.io/rev": "1-22"}, Follows: true}}
		}, lines("warning", "labels", "pinned", "CronJob/shop/nightly", "its own label istio.io/rev=1-22 names the revision itself, so that it stays behind when tags and namespaces move", `kubectl patch cronjob/nightly -n shop --type merge -p '{"spec":{"jobTemplate":{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"1-23"}}}}}}}'`)},
		{"a Gateway that names the revision", gateway("1-22"),
			lines("warning", "labels", "pinned", "Gateway/shop/gw", "its own label istio.io/rev=1-22 names the revision itself, so that it stays behind when tags and namespaces move", "kubectl label gateways.gateway.networking.k8s.io/gw -n shop --overwrite istio.io/rev=prod")},
		{"a Gateway that names nothing", gateway("nope"),
			lines("warning", "labels", "dangling-label", "Gateway/shop/gw", "its label istio.io/rev=nope names no revision and no tag, so that no istiod looks after it", "kubectl label gateways.gateway.networking.k8s.io/gw -n shop --overwrite istio.io/rev=prod")},
		{"a Gateway of another revision", gateway("1-23"), ""},
	} {
		t.Run(p.rule, p.test)
	}
}

func TestGatewaysThatReRollAtOnce(t *testing.T) {
	const rest = "see that it runs two pods or more before; or hold it back, and move it by itself later: kubectl label gateways.gateway.networking.k8s.io/gw -n shop --overwrite istio.io/rev=1-22"
	for _, c := range []struct {
		rule         string
		own, of      set
		when         string
		notConcerned bool
	}{
		{rule: "by its own label", own: set{"istio.io/rev": "prod"}, of: set{"istio.io/rev": "prod"}, when: "tag prod moves"},
		{rule: "by its namespace's tag", of: set{"istio.io/rev": "prod"}, when: "tag prod moves, or its namespace is relabelled"},
		{rule: "by its namespace's revision", of: set{"istio.io/rev": "1-22"}, when: "its namespace is relabelled"},
		{rule: "by default", when: "tag default moves"},
		{rule: "another's", of: set{"istio.io/rev": "prod"}, notConcerned: true},
	} {
		p := planted{c.rule, func(f *Facts) {
			shop(f).Labels = c.of
			f.Gateways = []Gateway{{Namespace: "shop", Name: "gw", Labels: c.own, Pods: 2, Follows: !c.notConcerned}}
		}, lines("warning", "gateways", "re-rolls", "Gateway/shop/gw", "istiod re-rolls it (2 pods) at once when "+c.when, rest)}
		if c.notConcerned {
			p.want = ""
		}
		t.Run(p.rule, p.test)
	}
}

func TestWhatIsWrongWithFiltersRoutesAndOwners(t *testing.T) {
	filter := func(namespace, version string) func(*Facts) {
		return func(f *Facts) {
			f.EnvoyFilters = []EnvoyFilter{{Namespace: namespace, Name: "ef", Versions: []string{version}}}
		}
	}
	const look = "see whether the patch is right for the proxies of 1.23.0, and write its proxyVersion so that it matches where it should"
	for _, p := range []planted{
		{"a filter that stops to match", filter("shop", `^1\.22.*`), lines("warning", "envoy-filters", "proxy-version", "EnvoyFilter/shop/ef", `its patch for proxyVersion ^1\.22.* stops to match: it matches 1.22.0, and not 1.23.0`, look)},
		{"a filter of the mesh that starts to", filter("istio-system", `^1\.23.*`), lines("warning", "envoy-filters", "proxy-version", "EnvoyFilter/istio-system/ef", `its patch for proxyVersion ^1\.23.* starts to match: it matches 1.23.0, and not 1.22.0`, look)},
		{"one that cannot be compiled is passed over by istiod", filter("shop", `(`), ""},
		{"one of neither", filter("shop", `^1\.9\.`), ""},
		{"elsewhere", filter("plain", `^1\.22.*`), ""},
		{"routes without retries", func(f *Facts) {
			f.VirtualServices = []VirtualService{{Namespace: "shop", Name: "cart", Routes: []Route{{Position: 0}, {Position: 2, Name: "pay"}}}}
		}, lines("warning", "retries", "no-retries", "VirtualService/shop/cart", "retries are switched off (attempts: 0) for http[0], route pay: during restarts its clients see 503s",
			`kubectl patch virtualservices.networking.istio.io/cart -n shop --type json -p '[{"op":"remove","path":"/spec/http/0/retries"},{"op":"remove","path":"/spec/http/2/retries"}]'`)},
		{"one kept elsewhere of which one route leads to what is restarted", func(f *Facts) {
			f.VirtualServices = []VirtualService{{Namespace: "plain", Name: "front", Routes: []Route{{Position: 0, Namespaces: []string{"other"}}, {Position: 1, Namespaces: []string{"other", "shop"}}}}}
		}, lines("warning", "retries", "no-retries", "VirtualService/plain/front", "retries are switched off (attempts: 0) for http[1]: during restarts its clients see 503s",
			`kubectl patch virtualservices.networking.istio.io/front -n plain --type json -p '[{"op":"remove","path":"/spec/http/1/retries"}]'`)},
		{"a namespace that Argo CD keeps", func(f *Facts) { shop(f).ManagedBy = "Argo CD application shop" },
			lines("warning", "gitops", "managed-namespace", "Namespace//shop", "it is kept by Argo CD application shop, which would put its labels back", "change the label where that takes it from, or have it pass over the labels istio.io/rev and istio-injection during the upgrade")},
		{"what may not be read", func(f *Facts) {
			f.Gaps = []cluster.Gap{{Missing: "poddisruptionbudgets", Err: errors.New("forbidden")}}
		},
			lines("warning", "unchecked", "unreadable", "//poddisruptionbudgets"[2:], "could not be checked: cannot read poddisruptionbudgets: forbidden", "run this as somebody who may read them; what is allowed shows `kubectl auth can-i --list`")},
		{"pods that cannot be told", func(f *Facts) { f.Undecided, f.Because = 3, "hidden" },
			lines("warning", "unchecked", "undecided", "Pod", "could not be checked: 3 pods of which cannot be told what injection would do: hidden", "see them with `kubectl mesh-proxyver -A --by pod`")},
	} {
		t.Run(p.rule, p.test)
	}
}

func TestWorkloadsThatCannotBeRestartedCleanly(t *testing.T) {
	restart := func(check, message, remedy string) string {
		return lines("warning", "restarts", check, "Deployment/shop/cart", message, remedy)
	}
	orders := func(check, message, remedy string) string {
		return lines("warning", "restarts", check, "StatefulSet/shop/orders", message, remedy)
	}
	for _, p := range []planted{
		{"one replica", func(f *Facts) { cart(f).Replicas = 1 }, restart("one-replica", "it has one replica", "kubectl scale deployment/cart -n shop --replicas=2")},
		{"one replica of an autoscaler", func(f *Facts) {
			cart(f).Replicas, cart(f).Autoscaler = 1, &Autoscaler{Name: "cart", Minimum: 1, Maximum: 1}
		},
			restart("one-replica", "it has one replica", `kubectl patch hpa/cart -n shop --type merge -p '{"spec":{"minReplicas":2,"maxReplicas":2}}'`)},
		{"one replica for the moment", func(f *Facts) {
			cart(f).Replicas, cart(f).Autoscaler = 1, &Autoscaler{Name: "cart", Minimum: 2, Maximum: 4}
		}, ""},
		{"one replica of a StatefulSet", func(f *Facts) { f.Workloads[1].Replicas = 1 },
			orders("one-replica", "it has one replica, with a volume or a name of its own", "restart it at a time when it may be missed; or, if it can run twice: kubectl scale statefulset/orders -n shop --replicas=2")},
		{"no replicas", func(f *Facts) { cart(f).Replicas, cart(f).Probed = 0, false }, ""},
		{"Recreate", func(f *Facts) { cart(f).Strategy = rollout.Recreate }, restart("recreate", "its strategy is Recreate: all its pods are gone before new ones come", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"strategy":{"type":"RollingUpdate"}}}'`)},
		{"no readiness probe", func(f *Facts) { cart(f).Probed = false }, restart("no-readiness-probe", "none of its containers has a readiness probe, so that new pods count as ready as soon as they run", "give its container a readinessProbe")},
		{"paused", func(f *Facts) { cart(f).Paused = true }, restart("paused", "its rollout is paused, so that a restart replaces nothing", "kubectl rollout resume deployment/cart -n shop")},
		{"OnDelete", func(f *Facts) { f.Workloads[1].Strategy = rollout.OnDelete }, orders("on-delete", "its update strategy is OnDelete, so that a restart replaces nothing until its pods are deleted", `kubectl patch statefulset/orders -n shop --type merge -p '{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}'`)},
		{"partition", func(f *Facts) { f.Workloads[1].Partition = 2 }, orders("partition", "its partition 2 holds back the pods below it", `kubectl patch statefulset/orders -n shop --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'`)},
		{"a bare pod", func(f *Facts) {
			f.Workloads[0] = Workload{Namespace: "shop", Ref: workload.Ref{Kind: "Pod", Name: "bare"}, Pods: 1, OnFrom: 1}
		}, lines("warning", "restarts", "bare-pod", "Pod/shop/bare", "nothing creates it again once it is deleted", "make it a Deployment's; or have it recreated when it is its turn: kubectl mesh-reinject pod/bare -n shop --bare-pods=recreate")},
		{"a short grace period", func(f *Facts) { cart(f).GracePeriod = 3 }, restart("grace-period", "its terminationGracePeriodSeconds is 3, and its proxy drains for 5s: connections are cut", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":10}}}}'`)},
		{"a long drain of its own", func(f *Facts) { cart(f).Annotations = set{"proxy.istio.io/config": "terminationDrainDuration: 45s"} },
			restart("grace-period", "its terminationGracePeriodSeconds is 30, and its proxy drains for 45s: connections are cut", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":50}}}}'`)},
		{"a long drain that ends when it is idle", func(f *Facts) {
			cart(f).Annotations = set{"proxy.istio.io/config": "terminationDrainDuration: 45s\nproxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}"}
		}, ""},
		{"what istiod makes of a Gateway", func(f *Facts) { cart(f).Managed, cart(f).Replicas, cart(f).Probed = true, 1, false }, ""},
		{"a budget that allows none", func(f *Facts) { f.Budgets[0].Selector = labels.SelectorFromSet(set{"app": "cart"}) },
			lines("warning", "restarts", "budget", "PodDisruptionBudget/shop/others", "it allows no eviction: 2 of 2 pods must stay", `kubectl patch pdb/others -n shop --type merge -p '{"spec":{"minAvailable":null,"maxUnavailable":1}}'`)},
		{"a budget that allows none now", func(f *Facts) {
			f.Budgets[0].Selector, f.Budgets[0].Healthy = labels.SelectorFromSet(set{"app": "cart"}), 1
		},
			lines("warning", "restarts", "budget", "PodDisruptionBudget/shop/others", "it allows no eviction now: 1 of 2 pods are healthy, and 2 must be", "see why the others are not: kubectl get pods -n shop -l app=cart")},
	} {
		t.Run(p.rule, p.test)
	}
	t.Run("a long drain of the mesh", planted{plant: func(f *Facts) {
		for _, d := range []*Document{&f.From.Mesh, &f.To.Mesh} {
			d.Text = strings.Replace(d.Text, "defaultConfig:\n", "defaultConfig:\n  terminationDrainDuration: 31s\n", 1)
		}
		f.Workloads = f.Workloads[:1]
	}, want: restart("grace-period", "its terminationGracePeriodSeconds is 30, and its proxy drains for 31s: connections are cut", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":36}}}}'`)}.test)
}

func TestInPlaceThereIsNothingToCompare(t *testing.T) {
	inPlace := func(then func(*Facts)) func(*Facts) {
		return func(f *Facts) {
			f.To, f.EnvoyFilters = f.From, nil
			shop(f).ManagedBy = "Flux Kustomization shop"
			then(f)
		}
	}
	for _, p := range []planted{
		{"all is well", inPlace(func(f *Facts) {}), ""},
		{"one version up", inPlace(func(f *Facts) { f.ProxyVersions = []string{"1.21.0", "1.22.0"} }), ""},
		{"two versions up", inPlace(func(f *Facts) { f.ProxyVersions = []string{"1.20.0", "1.22.0"} }),
			lines("error", "version", "version-step", "Revision/istio-system/1-22", "1.20.0 to 1.22.0 is two minor versions up; in place it may be one at most: go to 1.21 first", "install a version in between, and move to that first")},
		{"one replica", inPlace(func(f *Facts) { cart(f).Replicas = 1 }), lines("warning", "restarts", "one-replica", "Deployment/shop/cart", "it has one replica", "kubectl scale deployment/cart -n shop --replicas=2")},
	} {
		t.Run(p.rule, p.test)
	}
}

func TestWhoKeepsANamespace(t *testing.T) {
	const instance = "app.kubernetes.io/instance"
	wrote := func(manager, fields string) []metav1.ManagedFieldsEntry {
		return []metav1.ManagedFieldsEntry{{Manager: "kube-apiserver"}, {Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}}
	}
	label := `{"f:metadata":{"f:labels":{".":{},"f:app.kubernetes.io/instance":{}}}}`
	for _, c := range []struct {
		rule                string
		labels, annotations set
		fields              []metav1.ManagedFieldsEntry
		want                string
	}{
		{"Argo CD's label of its own", set{"argocd.argoproj.io/instance": "shop"}, nil, nil, "Argo CD application shop"},
		{"Argo CD's annotation", nil, set{"argocd.argoproj.io/tracking-id": "shop:/Namespace:shop/shop"}, nil, "Argo CD, as shop:/Namespace:shop/shop"},
		{"Argo CD's annotation beside everybody's label", set{instance: "release"}, set{"argocd.argoproj.io/tracking-id": "shop:/Namespace:shop/shop"}, nil, "Argo CD, as shop:/Namespace:shop/shop"},
		{"everybody's label, written by Argo CD", set{instance: "shop"}, nil, wrote("argocd-controller", label), "Argo CD application shop"},
		{"everybody's label, written by an older one", set{instance: "shop"}, nil, wrote("argocd-application-controller", label), "Argo CD application shop"},
		{"a chart's label, written by Argo CD", set{instance: "shop", "app.kubernetes.io/managed-by": "Helm"}, nil, wrote("argocd-controller", label), "Argo CD application shop"},
		{"everybody's label, written by Helm", set{instance: "shop", "app.kubernetes.io/managed-by": "Helm"}, nil, wrote("helm", label), ""},
		{"everybody's label, written by a person", set{instance: "shop"}, nil, wrote("kubectl-label", label), ""},
		{"everybody's label, where Argo CD wrote something else", set{instance: "shop"}, nil, wrote("argocd-controller", `{"f:metadata":{"f:labels":{"f:team":{}}}}`), ""},
		{"everybody's label, and fields that cannot be read", set{instance: "shop"}, nil, wrote("argocd-controller", `{`), ""},
		{"everybody's label alone", set{instance: "shop"}, nil, nil, ""},
		{"Flux's Kustomization", set{"kustomize.toolkit.fluxcd.io/name": "shop"}, nil, nil, "Flux Kustomization shop"},
		{"Flux's HelmRelease", set{"helm.toolkit.fluxcd.io/name": "shop"}, nil, nil, "Flux HelmRelease shop"},
		{"Helm", set{"app.kubernetes.io/managed-by": "Helm"}, nil, nil, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := managedBy(&metav1.ObjectMeta{Labels: c.labels, Annotations: c.annotations, ManagedFields: c.fields}); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestFindingsAreToldByCategoryTheWorstFirst(t *testing.T) {
	f := clean()
	cart(&f).Replicas, cart(&f).Paused = 1, true
	f.Workloads[1].Partition = 1
	f.To.Mesh.Text += "accessLogFile: /dev/stdout\nenableTracing: false\n"
	f.To.Mesh.Text = strings.Replace(f.To.Mesh.Text, "enableTracing: true\n", "", 1)
	f.To.Deployment.Ready = 0
	var got []string
	for _, x := range Check(f) {
		got = append(got, x.Check)
	}
	if want := "not-ready mesh-config mesh-config one-replica paused partition"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatPeopleRead(t *testing.T) {
	several := clean()
	cart(&several).Replicas, cart(&several).Paused = 1, true
	several.To.Deployment.Ready = 1
	several.To.Mesh.Text += "accessLogFile: /dev/stdout\n"
	shop(&several).ManagedBy = "Argo CD application shop\x1b[31m"
	incomplete := clean()
	incomplete.Gaps = []cluster.Gap{{Missing: "poddisruptionbudgets", Err: errors.New("forbidden")}}
	absent := clean()
	absent.To = Plane{ControlPlane: revision.ControlPlane{Revision: "1-24"}}
	for file, facts := range map[string]Facts{"absent.txt": absent, "clean.txt": clean(), "several.txt": several, "incomplete.txt": incomplete} {
		t.Run(file, func(t *testing.T) {
			var out strings.Builder
			if err := Print(&out, Report(facts), false); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file, out.String())
		})
	}
	var out strings.Builder
	if err := Print(&out, Report(several), true); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "bare.txt", out.String())
}
