package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// finding mirrors the contract's JSON, on purpose apart from the product's own types.
type finding struct {
	Category string `json:"category"`
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Object   struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"object"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// in says whether a finding is about a namespace, or about something in it.
func (f finding) in(namespace string) bool {
	return f.Object.Namespace == namespace || f.Object.Kind == "Namespace" && f.Object.Name == namespace
}

// canaryCheck runs `kubectl mesh-canary check ARGS -o json` and returns its findings.
func canaryCheck(t *testing.T, lab *cluster.Cluster, args ...string) ([]finding, result) {
	t.Helper()
	r := kubectl(t, lab, append([]string{"mesh-canary", "check", "-o", "json"}, args...)...)
	var report struct {
		Items []finding `json:"items"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("reading the report: %v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	satisfies(t, "checkreport", r.stdout)
	return report.Items, r
}

// shell runs a remedy as a person would, by pasting it.
func shell(t *testing.T, lab *cluster.Cluster, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = []string{"PATH=" + pluginDir + ":" + filepath.Dir(lab.Tool("kubectl")) + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "KUBECONFIG=" + lab.Kubeconfig(), goAtOnce}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// Manifests of what is planted, each for a namespace.
const (
	plantedPod = `
    metadata: {labels: {app: %[2]s%[4]s}, annotations: {%[5]s}}
    spec:
      terminationGracePeriodSeconds: %[6]d
      containers: [{name: app, image: registry.example.com/app:1%[7]s}]
`
	plantedDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {namespace: %[1]s, name: %[2]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: %[2]s}}
  template:` + plantedPod
	plantedStatefulSet = `apiVersion: apps/v1
kind: StatefulSet
metadata: {namespace: %[1]s, name: %[2]s}
spec:
  replicas: %[3]d
  serviceName: %[2]s
  selector: {matchLabels: {app: %[2]s}}
  template:` + plantedPod
	readinessProbe = ", readinessProbe: {tcpSocket: {port: 80}}"
)

// planting is a workload that nothing is wrong with, or one thing.
type planting struct {
	manifest         string
	replicas, grace  int
	label, annotated string
	probe            string
	spec             string
}

func clean() planting {
	return planting{manifest: plantedDeployment, replicas: 2, grace: 30, probe: readinessProbe}
}

// in plants it as app in a namespace. Further fields of the spec go to its end.
func (p planting) in(t *testing.T, lab *cluster.Cluster, namespace string) {
	t.Helper()
	label := ""
	if p.label != "" {
		label = ", istio.io/rev: " + p.label
	}
	apply(t, lab, fmt.Sprintf(p.manifest, namespace, "app", p.replicas, label, p.annotated, p.grace, p.probe)+p.spec)
	eventuallyPods(t, lab, namespace, p.replicas)
}

func planted(change func(*planting)) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, namespace string) {
		p := clean()
		change(&p)
		p.in(t, lab, namespace)
	}
}

// beside applies a manifest for the namespace, beside a workload that nothing is wrong with.
func beside(manifest string) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		apply(t, lab, fmt.Sprintf(manifest, namespace))
	}
}

const (
	tightBudget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {namespace: %s, name: app}
spec: {minAvailable: 2, selector: {matchLabels: {app: app}}}
`
	noRetries = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: %s, name: app}
spec:
  hosts: [app]
  http:
  - {name: first, retries: {attempts: 0}, route: [{destination: {host: app}}]}
  - {retries: {attempts: 2}, route: [{destination: {host: app}}]}
  - {retries: {attempts: 0}, route: [{destination: {host: app}}]}
`
	// An ingress's own, for what the namespace named in it serves.
	noRetriesElsewhere = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: %s, name: app}
spec:
  hosts: [app.example.com]
  http:
  - {retries: {attempts: 0}, route: [{destination: {host: app.` + checkFollower + `.svc.cluster.local}}]}
`
	oldFilter = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {namespace: %s, name: app}
spec:
  configPatches:
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, proxy: {proxyVersion: '^1\.22.*'}}
    patch: {operation: MERGE, value: {connect_timeout: 1s}}
`
)

// wrongs are the things that can be wrong in a namespace that follows the present revision: each planted alone is found, and nothing
// else is. A remedy that is a command makes it go.
var wrongs = []struct {
	name   string
	labels labels
	plant  func(*testing.T, *cluster.Cluster, string)
	// want is the category, the check and the object.
	want string
	// remedy begins the remedy. clears is false where what is advised is not a command.
	remedy string
	clears bool
}{
	{"one-replica", nil, planted(func(p *planting) { p.replicas = 1 }), "restarts one-replica Deployment/app", "kubectl scale ", true},
	{"recreate", nil, planted(func(p *planting) { p.spec = "  strategy: {type: Recreate}\n" }), "restarts recreate Deployment/app", "kubectl patch ", true},
	{"no-probe", nil, planted(func(p *planting) { p.probe = "" }), "restarts no-readiness-probe Deployment/app", "give its container", false},
	{"paused", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		shell(t, lab, "kubectl rollout pause deployment/app -n "+namespace)
	}, "restarts paused Deployment/app", "kubectl rollout resume ", true},
	{"on-delete", nil, planted(func(p *planting) { p.manifest, p.spec = plantedStatefulSet, "  updateStrategy: {type: OnDelete}\n" }), "restarts on-delete StatefulSet/app", "kubectl patch ", true},
	{"partition", nil, planted(func(p *planting) {
		p.manifest, p.spec = plantedStatefulSet, "  updateStrategy: {rollingUpdate: {partition: 1}}\n"
	}), "restarts partition StatefulSet/app", "kubectl patch ", true},
	{"bare", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		createPods(t, lab, newPod(namespace, "app", scheduled))
	}, "restarts bare-pod Pod/app", "make it a Deployment's", false},
	{"grace", nil, planted(func(p *planting) { p.grace = 2 }), "restarts grace-period Deployment/app", "kubectl patch ", true},
	{"drain", nil, planted(func(p *planting) { p.annotated = "proxy.istio.io/config: 'terminationDrainDuration: 40s'" }), "restarts grace-period Deployment/app", "kubectl patch ", true},
	{"budget", nil, beside(tightBudget), "restarts budget PodDisruptionBudget/app", "kubectl patch ", true},
	{"retries", nil, beside(noRetries), "retries no-retries VirtualService/app", "kubectl patch ", true},
	{"retries-elsewhere", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		apply(t, lab, fmt.Sprintf(noRetriesElsewhere, namespace))
	}, "retries no-retries VirtualService/app", "kubectl patch ", true},
	{"filter", nil, beside(oldFilter), "envoy-filters proxy-version EnvoyFilter/app", "see whether the patch", false},
	{"conflict", labels{"istio.io/rev": stableTag, "istio-injection": "disabled"}, nil, "labels conflicting-labels Namespace/canary-check-conflict", "kubectl label ", true},
	{"conflict-two", labels{"istio.io/rev": stableTag, "istio-injection": "enabled"}, nil, "labels conflicting-labels Namespace/canary-check-conflict-two", "kubectl label ", true},
	{"conflict-pods", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		relabel(t, lab, namespace, "istio-injection=disabled")
	}, "labels conflicting-labels Namespace/canary-check-conflict-pods", "kubectl label namespace canary-check-conflict-pods istio-injection-", true},
	{"conflict-both", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		relabel(t, lab, namespace, "istio-injection=disabled", "istio.io/rev=no-such")
	}, "labels conflicting-labels Namespace/canary-check-conflict-both", "kubectl label namespace canary-check-conflict-both --overwrite istio.io/rev=", true},
	{"dangling", labels{"istio.io/rev": "no-such"}, nil, "labels dangling-label Namespace/canary-check-dangling", "kubectl label ", true},
	{"dangling-pods", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		relabel(t, lab, namespace, "istio.io/rev=no-such")
	}, "labels dangling-label Namespace/canary-check-dangling-pods", "kubectl label ", true},
	{"orphaned", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		clean().in(t, lab, namespace)
		orphanTag(t, lab, "canary-check-orphan")
		relabel(t, lab, namespace, "istio.io/rev=canary-check-orphan")
	}, "labels dangling-label Namespace/canary-check-orphaned", "kubectl label namespace canary-check-orphaned --overwrite istio.io/rev=", true},
	{"orphaned-own", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		followTag(t, lab, "canary-check-orphan")
		p := clean()
		p.label = "canary-check-orphan"
		p.in(t, lab, namespace)
		orphanTag(t, lab, "canary-check-orphan")
	}, "labels dangling-label Deployment/app", "kubectl patch ", true},
	{"orphaned-gateway", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		orphanTag(t, lab, "canary-check-orphan")
		gatewayCase{labels: "istio.io/rev: canary-check-orphan"}.create(t, lab, namespace)
	}, "labels dangling-label Gateway/gw", "kubectl label gateways.gateway.networking.k8s.io/gw ", false},
	{"dangling-own", labels{}, planted(func(p *planting) { p.label = "no-such" }), "labels dangling-label Deployment/app", "kubectl patch ", true},
	{"ineffective", nil, planted(func(p *planting) { p.label = newRevision }), "labels conflicting-labels Deployment/app", "kubectl patch ", true},
	{"pinned", labels{}, planted(func(p *planting) { p.label = oldRevision }), "labels pinned Deployment/app", "kubectl patch ", true},
	{"pinned-cron", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		apply(t, lab, fmt.Sprintf(pinnedCronJob, namespace, oldRevision))
	}, "labels pinned CronJob/app", "kubectl patch ", true},
	{"pinned-gateway", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		gatewayCase{labels: "istio.io/rev: " + oldRevision}.create(t, lab, namespace)
		awaitGatewayPod(t, lab, namespace)
	}, "labels pinned Gateway/gw", "kubectl label ", false},
	{"re-rolls", labels{}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		gatewayCase{labels: "istio.io/rev: " + stableTag}.create(t, lab, namespace)
		awaitGatewayPod(t, lab, namespace)
	}, "gateways re-rolls Gateway/gw", "see that it runs two pods", false},
	{"re-rolls-too", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		gatewayCase{}.create(t, lab, namespace)
		awaitGatewayPod(t, lab, namespace)
	}, "gateways re-rolls Gateway/gw", "see that it runs two pods", false},
	{"gitops", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		relabel(t, lab, namespace, "kustomize.toolkit.fluxcd.io/name=shop")
	}, "gitops managed-namespace Namespace/canary-check-gitops", "change the label", false},
	{"argo", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		shell(t, lab, "kubectl annotate namespace "+namespace+" argocd.argoproj.io/tracking-id=shop:/Namespace:/shop")
	}, "gitops managed-namespace Namespace/canary-check-argo", "change the label", false},
	{"argo-label", nil, func(t *testing.T, lab *cluster.Cluster, namespace string) {
		shell(t, lab, "kubectl label namespace "+namespace+" app.kubernetes.io/instance=shop --field-manager=argocd-controller")
	}, "gitops managed-namespace Namespace/canary-check-argo-label", "change the label", false},
}

// checkFollower is a namespace that follows the stable tag, so that there is one to follow.
const checkFollower = "canary-check-follower"

// followTag has a tag stand for the present revision, until the test is over.
func followTag(t *testing.T, lab *cluster.Cluster, tag string) {
	t.Helper()
	shell(t, lab, "kubectl mesh-canary tag set "+tag+" --revision "+oldRevision+" --yes")
	t.Cleanup(func() {
		mustKubectl(t, lab, "delete", "mutatingwebhookconfigurations", "-l", "istio.io/tag="+tag)
		mustKubectl(t, lab, "delete", "services", "-n", "istio-system", "-l", "istio.io/tag="+tag)
	})
}

// orphanTag has a tag stand for a revision that is not there any more.
func orphanTag(t *testing.T, lab *cluster.Cluster, tag string) {
	t.Helper()
	followTag(t, lab, tag)
	shell(t, lab, "kubectl label mutatingwebhookconfigurations -l istio.io/tag="+tag+" istio.io/rev=1-19 --overwrite && "+
		"kubectl label services -n istio-system -l istio.io/tag="+tag+" istio.io/rev=1-19 --overwrite")
}

const pinnedCronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {namespace: %s, name: app}
spec:
  suspend: true
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {istio.io/rev: %s}}
        spec: {restartPolicy: Never, containers: [{name: app, image: registry.example.com/nightly:1}]}
`

func TestCanaryCheckFindsEachThingThatIsWrongInANamespace(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, checkFollower, labels{"istio.io/rev": stableTag})
	for _, c := range wrongs {
		t.Run(c.name, func(t *testing.T) {
			namespace := "canary-check-" + c.name
			follows := c.labels
			if follows == nil {
				follows = labels{"istio.io/rev": stableTag}
			}
			createNamespace(t, lab, namespace, follows)
			awaitServiceAccount(t, lab, namespace)
			if c.plant != nil {
				c.plant(t, lab, namespace)
			}
			var got finding
			eventually(t, patience, func() (err error) {
				got, err = only(t, lab, namespace, c.want)
				return err
			})
			if !strings.HasPrefix(got.Remedy, c.remedy) {
				t.Fatalf("the remedy is %q", got.Remedy)
			}
			if !c.clears {
				return
			}
			shell(t, lab, got.Remedy)
			eventually(t, patience, func() error {
				_, err := only(t, lab, namespace, "")
				return err
			})
		})
	}
}

// only returns the one finding in a namespace, or an error that says how the findings there differ from what is wanted, empty for none.
func only(t *testing.T, lab *cluster.Cluster, namespace, want string) (finding, error) {
	t.Helper()
	all, r := canaryCheck(t, lab, "--to", newRevision, "--from", oldRevision)
	var here []finding
	for _, f := range all {
		if f.in(namespace) {
			here = append(here, f)
		}
	}
	if len(here) == 0 && want == "" {
		return finding{}, nil
	}
	if len(here) != 1 || want == "" {
		return finding{}, fmt.Errorf("want %q, got %+v (%s)", want, here, r.stderr)
	}
	f := here[0]
	if got := fmt.Sprintf("%s %s %s/%s", f.Category, f.Check, f.Object.Kind, f.Object.Name); got != want {
		return finding{}, fmt.Errorf("got %s: %s; want %s", got, f.Message, want)
	}
	return f, nil
}

// TestCanaryCheckIsSilentAboutACleanMesh has one of what can be wrong, and is not.
func TestCanaryCheckIsSilentAboutACleanMesh(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "canary-check-clean", labels{"istio.io/rev": stableTag})
	awaitServiceAccount(t, lab, "canary-check-clean")
	clean().in(t, lab, "canary-check-clean")
	apply(t, lab, strings.ReplaceAll(fmt.Sprintf(tightBudget, "canary-check-clean"), "minAvailable: 2", "maxUnavailable: 1"))
	// What other tests have left goes in its own time.
	eventually(t, patience, func() error {
		r := kubectl(t, lab, "mesh-canary", "check", "--to", newRevision, "--exit-code")
		if r.code != 0 || r.stderr != "" || !strings.HasSuffix(r.stdout, "\nNothing stands in the way.\n") {
			return fmt.Errorf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
		}
		return nil
	})
}

// target asks for the one finding of that check, whose remedy it returns.
func target(t *testing.T, lab *cluster.Cluster, check, severity string, args ...string) string {
	t.Helper()
	var remedy string
	eventually(t, patience, func() error {
		all, _ := canaryCheck(t, lab, append([]string{"--to", newRevision, "--from", oldRevision}, args...)...)
		for _, f := range all {
			if f.Check == check && f.Severity == severity {
				remedy = f.Remedy
				return nil
			}
		}
		return fmt.Errorf("no %s %s among %+v", severity, check, all)
	})
	return remedy
}

// gone waits until nothing is found by that check any more.
func gone(t *testing.T, lab *cluster.Cluster, check string) {
	t.Helper()
	eventually(t, patience, func() error {
		all, _ := canaryCheck(t, lab, "--to", newRevision, "--from", oldRevision)
		for _, f := range all {
			if f.Check == check {
				return errors.New(f.Message)
			}
		}
		return nil
	})
}

func TestCanaryCheckFindsWhatIsWrongWithTheTarget(t *testing.T) {
	lab := sharedLab(t)
	deployment := "deployment/istiod-" + newRevision + " -n istio-system"
	t.Run("not installed", func(t *testing.T) {
		r := kubectl(t, lab, "mesh-canary", "check", "--to", "1-24", "--from", oldRevision, "--exit-code")
		if r.code != 2 || !strings.Contains(r.stdout, "revision 1-24 is not installed") || !strings.Contains(r.stdout, "-> istioctl install --revision 1-24\n") {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("a tag", func(t *testing.T) {
		all, _ := canaryCheck(t, lab, "--to", canaryTag, "--from", oldRevision)
		if len(all) == 0 || all[0].Check != "not-installed" || all[0].Remedy != "kubectl mesh-canary check --to "+newRevision {
			t.Fatalf("got %+v", all)
		}
		shell(t, lab, all[0].Remedy)
	})
	t.Run("no replicas", func(t *testing.T) {
		shell(t, lab, "kubectl scale "+deployment+" --replicas=0")
		t.Cleanup(func() {
			mustKubectl(t, lab, "scale", "deployment/istiod-"+newRevision, "-n", "istio-system", "--replicas=1")
		})
		shell(t, lab, target(t, lab, "not-ready", "error"))
		gone(t, lab, "not-ready")
	})
	t.Run("an istiod that does not answer", func(t *testing.T) {
		if err := lab.Outage("istio-system", newRevision); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := lab.Restore(context.Background(), "istio-system", newRevision); err != nil {
				t.Error(err)
			}
		})
		target(t, lab, "webhook-failed", "error")
	})
	t.Run("answers again", func(t *testing.T) { gone(t, lab, "webhook-failed") })
	t.Run("a version too far", func(t *testing.T) {
		shell(t, lab, "kubectl set image "+deployment+" discovery=docker.io/istio/pilot:1.25.0")
		t.Cleanup(func() {
			mustKubectl(t, lab, "set", "image", "deployment/istiod-"+newRevision, "-n", "istio-system", "discovery=docker.io/istio/pilot:"+newVersion)
		})
		target(t, lab, "version-step", "error")
	})
	t.Run("the version before", func(t *testing.T) {
		gone(t, lab, "version-step")
		gone(t, lab, "not-ready")
	})
	t.Run("another trust domain", func(t *testing.T) {
		configureMesh(t, lab, newRevision, func(mesh settings) { mesh["trustDomain"] = "new.example.com" })
		target(t, lab, "trust-domain", "error")
	})
	t.Run("in place", func(t *testing.T) {
		r := kubectl(t, lab, "mesh-canary", "check", "--to", newRevision, "--from", newRevision)
		if r.code != 0 || !strings.HasPrefix(r.stdout, "Revision 1-23 (1.23.0), upgraded in place\n") {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
}

func mustKubectl(t *testing.T, lab *cluster.Cluster, args ...string) {
	t.Helper()
	if _, err := lab.Kubectl(context.Background(), args...); err != nil {
		t.Error(err)
	}
}

func TestCanaryCheckFindsWhatDiffersBetweenTheRevisions(t *testing.T) {
	lab := sharedLab(t)
	t.Run("a setting of the mesh", func(t *testing.T) {
		configureMesh(t, lab, oldRevision, func(mesh settings) { mesh["accessLogFile"] = "/dev/stdout" })
		if got := target(t, lab, "mesh-config", "warning"); !strings.Contains(got, "--set meshConfig.accessLogFile=/dev/stdout") {
			t.Errorf("the remedy is %q", got)
		}
	})
	t.Run("a value of the injector", func(t *testing.T) {
		configure(t, lab, oldRevision, setGlobal("logAsJson", true))
		target(t, lab, "injector-values", "warning")
	})
	t.Run("the shared configuration of AKS", func(t *testing.T) {
		maps := []string{"istio-shared-configmap-" + oldRevision, "istio-shared-configmap-" + newRevision}
		t.Cleanup(func() {
			for _, name := range maps {
				if err := lab.Client().CoreV1().ConfigMaps("istio-system").Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					t.Error(err)
				}
			}
		})
		shell(t, lab, "kubectl create configmap "+maps[0]+" -n istio-system --from-literal=mesh='accessLogFormat: \"it said \\\"hello\\\"\"'")
		shell(t, lab, target(t, lab, "shared-config", "warning"))
		gone(t, lab, "shared-config")
		shell(t, lab, "kubectl create configmap "+maps[1]+" -n istio-system --from-literal=mesh='accessLogFormat: other' --dry-run=client -o yaml | kubectl apply -f -")
		shell(t, lab, target(t, lab, "shared-config", "warning"))
		gone(t, lab, "shared-config")
	})
	t.Run("a larger autoscaler", func(t *testing.T) { autoscalers(t, lab, oldRevision, setMinimum(3)) })
	t.Run("no autoscaler", func(t *testing.T) { autoscalers(t, lab, newRevision, dropAutoscaler) })
}

// autoscalers changes a revision's autoscaler, and follows the remedy until nothing is found.
func autoscalers(t *testing.T, lab *cluster.Cluster, revision string, change func(*testing.T, *cluster.Cluster, string)) {
	t.Helper()
	var before []*autoscalingv2.HorizontalPodAutoscaler
	hpas := lab.Client().AutoscalingV2().HorizontalPodAutoscalers("istio-system")
	for _, r := range []string{oldRevision, newRevision} {
		h, err := hpas.Get(t.Context(), "istiod-"+r, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, h)
	}
	t.Cleanup(func() {
		for _, h := range before {
			err := hpas.Delete(context.Background(), h.Name, metav1.DeleteOptions{})
			h.ResourceVersion, h.UID = "", types.UID("")
			if err == nil || apierrors.IsNotFound(err) {
				_, err = hpas.Create(context.Background(), h, metav1.CreateOptions{})
			}
			if err != nil {
				t.Error(err)
			}
			mustKubectl(t, lab, "scale", "deployment/"+h.Name, "-n", "istio-system", "--replicas=1")
		}
	})
	change(t, lab, "istiod-"+revision)
	shell(t, lab, target(t, lab, "autoscaler", "warning"))
	gone(t, lab, "autoscaler")
}

func setMinimum(n int) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, name string) {
		t.Helper()
		shell(t, lab, fmt.Sprintf(`kubectl patch hpa/%s -n istio-system --type merge -p '{"spec":{"minReplicas":%d}}'`, name, n))
	}
}

func dropAutoscaler(t *testing.T, lab *cluster.Cluster, name string) {
	t.Helper()
	shell(t, lab, "kubectl delete hpa/"+name+" -n istio-system")
}

// TestCanaryCheckSaysWhatItMayNotRead: the rest is checked all the same, and the exit code is 1.
func TestCanaryCheckSaysWhatItMayNotRead(t *testing.T) {
	lab := sharedLab(t)
	user := withoutRule(t, lab, "nothing")
	all, r := canaryCheck(t, lab, "--to", newRevision, "--from", oldRevision, "--as", user)
	said := map[string]bool{}
	for _, f := range all {
		if f.Category == "unchecked" {
			said[f.Object.Name] = true
		}
	}
	for _, missing := range []string{"deployments", "poddisruptionbudgets", "envoyfilters", "virtualservices", "horizontalpodautoscalers"} {
		if !said[missing] {
			t.Errorf("nothing says that %s may not be read: %+v", missing, all)
		}
	}
	if r.code != 1 || !strings.Contains(r.stderr, "error: the answer is incomplete: what could not be checked: ") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

func TestCanaryCheckRevisions(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "canary-check-revisions", labels{"istio.io/rev": stableTag})
	awaitServiceAccount(t, lab, "canary-check-revisions")
	clean().in(t, lab, "canary-check-revisions")
	r := kubectl(t, lab, "mesh-canary", "revisions", "-o", "json")
	satisfies(t, "revisionreport", r.stdout)
	type moves []struct {
		To      string `json:"to"`
		Allowed bool   `json:"allowed"`
	}
	var report struct {
		Items []struct {
			Revision   string   `json:"revision"`
			Version    string   `json:"version"`
			Ready      int      `json:"ready"`
			Tags       []string `json:"tags"`
			Namespaces int      `json:"namespaces"`
			Pods       int      `json:"pods"`
			ProxyImage string   `json:"proxyImage"`
			Moves      moves    `json:"moves"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != 0 {
		t.Fatalf("%v, exit code %d: %s", err, r.code, r.stderr)
	}
	if len(report.Items) < 2 {
		t.Fatalf("got %+v", report.Items)
	}
	old, new := report.Items[0], report.Items[1]
	if old.Revision != oldRevision || old.Version != oldVersion || old.Namespaces < 1 || old.Pods < 2 || old.Ready < 1 || old.ProxyImage != oldImage ||
		!strings.Contains(strings.Join(old.Tags, " "), stableTag) || len(old.Moves) != 1 || !old.Moves[0].Allowed || old.Moves[0].To != newRevision {
		t.Errorf("got %+v", old)
	}
	if new.Revision != newRevision || new.Version != newVersion {
		t.Errorf("got %+v", new)
	}
	table := kubectl(t, lab, "mesh-canary", "revisions")
	for _, line := range []string{"REVISION  VERSION  NAMESPACE     READY  AGE", "1-22  1-23  yes      1.22.0 to 1.23.0 is one minor version up"} {
		if !strings.Contains(table.stdout, line) {
			t.Errorf("%q is not in\n%s%s", line, table.stdout, table.stderr)
		}
	}
}
