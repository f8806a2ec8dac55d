package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/kwok"
)

// paced is a set of stale Deployments in namespaces of its own, and a way to restart them through a gate, which sees
// what the plugin sends and nothing else.
type paced struct {
	*gate
	lab         *cluster.Cluster
	deployments []*appsv1.Deployment
}

// stage creates the Deployments while their namespaces follow the old revision, and has these then follow the new one.
// All of them bear the label stage=NAME, by which they alone are selected.
func stage(t *testing.T, name string, deployments ...*appsv1.Deployment) *paced {
	t.Helper()
	lab := sharedLab(t)
	p := &paced{gate: openGate(t, lab, nil), lab: lab, deployments: deployments}
	for _, namespace := range p.namespaces() {
		createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	}
	for _, d := range deployments {
		d.Labels = labels{"stage": name}
		create(t, lab, d)
	}
	for _, d := range deployments {
		awaitRollout(t, lab, "deployment/"+d.Name, d.Namespace)
	}
	for _, namespace := range p.namespaces() {
		p.move(namespace, newRevision)
	}
	return p
}

func create(t *testing.T, lab *cluster.Cluster, d *appsv1.Deployment) {
	t.Helper()
	if _, err := lab.Client().AppsV1().Deployments(d.Namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p *paced) namespaces() []string {
	var all []string
	for _, d := range p.deployments {
		all = append(all, d.Namespace)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// move has a namespace follow another revision, and returns once the API server knows.
func (p *paced) move(namespace, revision string) {
	p.t.Helper()
	follow(p.t, p.lab, namespace, revision)
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		got, err := ask(p.t.Context(), p.lab, newPod(namespace, "which"))
		if err == nil && got.revision == revision {
			return
		}
		if time.Since(start) > watchPatience {
			p.t.Fatalf("namespace %s leads to %v, %v, and not to %s", namespace, got, err, revision)
		}
	}
}

// reinject runs `kubectl mesh-reinject ARGS` through the gate, on a pipe.
func (p *paced) reinject(args ...string) result {
	p.t.Helper()
	return kubectlWith(p.t, p.lab.Tool("kubectl"), []string{"KUBECONFIG=" + p.kubeconfig()}, append([]string{"mesh-reinject"}, args...)...)
}

// report restarts and returns the report, which has to be as the schema says; the exit code has to be that.
func (p *paced) report(code int, args ...string) pacedReport {
	p.t.Helper()
	r := p.reinject(append(args, "-o", "json")...)
	if r.code != code {
		p.t.Errorf("exit %d, want %d\nstderr: %s", r.code, code, r.stderr)
	}
	return pacedReportOf(p.t, r.stdout)
}

func pacedReportOf(t *testing.T, text string) pacedReport {
	t.Helper()
	satisfies(t, "restartreport", text)
	var rep pacedReport
	if err := json.Unmarshal([]byte(text), &rep); err != nil {
		t.Fatalf("reading the report: %v\n%s", err, text)
	}
	return rep
}

// pacedReport mirrors what of the contract's JSON these tests look at, on purpose apart from the product's own types.
type pacedReport struct {
	Items  []restartItem `json:"items"`
	Probes []struct {
		URL               string         `json:"url"`
		Requests          int            `json:"requests"`
		ByCode            map[string]int `json:"byCode"`
		Errors            int            `json:"errors"`
		ErrorRate         float64        `json:"errorRate"`
		LongestGapSeconds float64        `json:"longestGapSeconds"`
	} `json:"probes"`
	Summary struct {
		Workloads     int            `json:"workloads"`
		ByOutcome     map[string]int `json:"byOutcome"`
		Replaced      int            `json:"replaced"`
		PodsPerMinute float64        `json:"podsPerMinute"`
		StillStale    int            `json:"stillStale"`
		Stopped       string         `json:"stopped"`
	} `json:"summary"`
}

// outcomes returns what became of each, as "name: outcome", in the order of the report.
func (r pacedReport) outcomes() string {
	var all []string
	for _, i := range r.Items {
		all = append(all, i.Workload.Name+": "+i.Outcome)
	}
	return strings.Join(all, ", ")
}

func (p *paced) wantOutcomes(r pacedReport, want string) {
	p.t.Helper()
	if got := r.outcomes(); got != want {
		p.t.Errorf("got %s\nwant %s\nitems: %+v", got, want, r.Items)
	}
}

// patched returns the names of the Deployments that were patched, in that order; dry runs do not count.
func (p *paced) patched() []string {
	var names []string
	for _, r := range p.changes() {
		if r.Verb == "patch" && r.Resource == "deployments" {
			names = append(names, r.Name)
		}
	}
	return names
}

// changes returns the requests through the gate that were to change something.
func (p *paced) changes() []intercept.Record {
	return slices.DeleteFunc(p.Mutations(), func(r intercept.Record) bool { return strings.Contains(r.Query, "dryRun=All") })
}

// wantUntouched: nothing was sent that changes anything, and nobody has changed the Deployments.
func (p *paced) wantUntouched() {
	p.t.Helper()
	if sent := p.changes(); len(sent) > 0 {
		p.t.Errorf("sent %+v", sent)
	}
	for _, d := range p.deployments {
		p.wantGeneration(d, 1)
	}
}

func (p *paced) wantGeneration(d *appsv1.Deployment, want int64) {
	p.t.Helper()
	got, err := p.lab.Client().AppsV1().Deployments(d.Namespace).Get(context.Background(), d.Name, metav1.GetOptions{})
	if err != nil || got.Generation != want {
		p.t.Errorf("%s is of generation %d, want %d; %v", d.Name, got.Generation, want, err)
	}
}

// What becomes of a Deployment's pods once the new revision injects them.

func failsAnew(d *appsv1.Deployment) *appsv1.Deployment {
	return anew(d, kwok.Fail, kwok.FailImagePull)
}

func staysUnready(d *appsv1.Deployment) *appsv1.Deployment { return anew(d, kwok.ReadyNever, "true") }

func anew(d *appsv1.Deployment, annotation, value string) *appsv1.Deployment {
	d.Spec.Template.Annotations[annotation] = value
	d.Spec.Template.Annotations[kwok.WhenImage] = ":" + newVersion
	return d
}

// slowly has a Deployment's pods take a second to become ready, and so many of them be replaced at a time without
// others beside them.
func slowly(d *appsv1.Deployment, atATime int) *appsv1.Deployment {
	d.Spec.Template.Annotations[kwok.ReadyDelay] = "1s"
	unavailable, none := intstr.FromInt(atATime), intstr.FromInt(0)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &unavailable, MaxSurge: &none}
	return d
}

// stopsShort has a Deployment's rollout wait for ever: its pods do not share nodes, of which there are three, and none may
// go before another has come.
func stopsShort(d *appsv1.Deployment) *appsv1.Deployment {
	*d.Spec.Replicas = 3
	d.Spec.Template.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
			{TopologyKey: corev1.LabelHostname, LabelSelector: d.Spec.Selector},
		},
	}}
	none, one := intstr.FromInt(0), intstr.FromInt(1)
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &one}
	return d
}
