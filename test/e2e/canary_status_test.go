package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestCanaryStatusIsRightAtEachMoment takes an upgrade through all of its moments, with commands that are killed half way. At each it
// wants the status to be right, and then types what that says is next.
func TestCanaryStatusIsRightAtEachMoment(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	// The first to be installed is the default.
	for _, i := range []cluster.Istio{{Revision: oldRevision, Tag: oldVersion}, {Revision: newRevision, Tag: newVersion}} {
		if err := lab.InstallIstio(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := setTag(t.Context(), lab, stableTag, oldRevision); err != nil {
		t.Fatal(err)
	}
	u := &upgraded{t: t, lab: lab, istio: "istio-system"}
	u.slowly("bank", istioRev(stableTag))
	u.slowly("shop", istioRev(oldRevision))
	u.balancedGateway("ingress", "203.0.113.10")
	w := u.follows()

	u.says("nothing recorded", "No upgrade is recorded in namespace istio-system.", "Next: kubectl mesh-canary revisions ")
	u.typesNext()
	u.does("start")
	u.says("started, nothing moved", "Phase: started, namespaces moved: 0 of 3", "1-22 1.22.0 1/1 default,prod-stable", "1-23 1.23.0 1/1 -",
		"ingress deployment/gateway 1/1 1-22", "ingress gateway 203.0.113.10 the same",
		"bank to move 0/3 3/3 1-22 prod-stable istio.io/rev=prod-stable", "shop to move 0/3 3/3 1-22 - istio.io/rev=1-22",
		"ingress to move 0/1 1/1 1-22 prod-stable istio.io/rev=prod-stable", "Next: kubectl mesh-canary advance bank ")
	u.typesNext()
	u.balanced("ingress", "203.0.113.99")
	u.says("one moved", "Phase: started, namespaces moved: 1 of 3", "bank moved 3/3 3/3 1-23 - istio.io/rev=1-23", "shop to move 0/3",
		"ingress gateway 203.0.113.99 differs: 203.0.113.10", "Next: kubectl mesh-canary advance ingress ")
	w.shows("Phase: started, namespaces moved: 1 of 3", "bank moved 3/3 3/3", "ingress gateway 203.0.113.99 differs: 203.0.113.10")
	u.balanced("ingress", "203.0.113.10")
	u.typesNext()
	u.says("the gateway moved", "ingress deployment/gateway 1/1 1-23", "ingress gateway 203.0.113.10 the same", "ingress moved 1/1 1/1 1-23",
		"Next: kubectl mesh-canary advance shop ")
	u.killed(func() bool { return len(u.revisions("shop")) > 1 }, "advance", "shop")
	u.says("advancing interrupted", "Phase: started, namespaces moved: 2 of 3", "shop moving", "Next: kubectl mesh-canary advance shop ")
	w.shows("Phase: started, namespaces moved: 2 of 3", "shop moving")
	u.typesNext()
	u.says("all moved", "Phase: started, namespaces moved: 3 of 3", "shop moved 3/3 3/3 1-23 - istio.io/rev=1-23", "1-22 1.22.0 1/1 default,prod-stable",
		"Next: kubectl mesh-canary complete ")
	u.mayNotRead()
	u.completesTo(func(r *intercept.Request) bool {
		return r.Asked.Mutates() && r.Asked.Resource == "mutatingwebhookconfigurations" && !strings.Contains(r.Asked.Query, "dryRun")
	})
	u.says("completing interrupted", "Phase: completing, namespaces moved: 3 of 3", "Next: kubectl mesh-canary complete ")
	w.shows("Phase: completing")
	u.typesNext()
	u.says("completed", "Phase: completed", "1-23 1.23.0 1/1 default,prod-stable", "bank moved 3/3 3/3 1-23 prod-stable istio.io/rev=prod-stable",
		"shop moved 3/3 3/3 1-23 - istio.io/rev=1-23", "ingress gateway 203.0.113.10 the same", "Next: kubectl mesh-canary retire 1-22 ")
	w.shows("Phase: completed")
	u.typesNext()
	u.killed(func() bool { return u.isIn("rolling-back")() && u.revisions("bank")[oldRevision] }, "rollback")
	u.says("rolling back interrupted", "Phase: rolling back", "shop moving back", "Next: kubectl mesh-canary rollback ")
	w.shows("Phase: rolling back", "shop moving back")
	u.typesNext()
	u.says("rolled back", "Phase: rolled back", "1-22 1.22.0 1/1 default,prod-stable", "bank as it was 0/3 3/3 1-22 prod-stable istio.io/rev=prod-stable",
		"shop as it was 0/3 3/3 1-22 - istio.io/rev=1-22", "ingress deployment/gateway 1/1 1-22", "ingress gateway 203.0.113.10 the same",
		"Next: kubectl mesh-canary start --from 1-22 --to 1-23 --stable-tag prod-stable ")
	w.shows("Phase: rolled back")
	u.typesNext()
	u.says("started again", "Phase: started, namespaces moved: 0 of 3", "Next: kubectl mesh-canary advance bank ")

	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	w.wait(130)
}

// slowly makes a namespace with three pods in two Deployments, which take a moment to become ready.
func (u *upgraded) slowly(name string, l labels) {
	u.t.Helper()
	createNamespace(u.t, u.lab, name, l)
	awaitServiceAccount(u.t, u.lab, name)
	for i, replicas := range []int32{2, 1} {
		d := newDeployment(name, fmt.Sprint("web-", i), replicas, withAnnotation("lab.mesh.kubectl.dev/ready-delay", "1s"))
		if _, err := u.lab.Client().AppsV1().Deployments(name).Create(u.t.Context(), d, metav1.CreateOptions{}); err != nil {
			u.t.Fatal(err)
		}
	}
	u.namespaces = append(u.namespaces, name)
	u.settles(name)
}

// balancedGateway makes a namespace with a gateway behind a load balancer, as the chart gateway does.
func (u *upgraded) balancedGateway(name, address string) {
	u.t.Helper()
	createNamespace(u.t, u.lab, name, istioRev(stableTag))
	awaitServiceAccount(u.t, u.lab, name)
	d := newDeployment(name, "gateway", 1, withAnnotation("inject.istio.io/templates", "gateway"), withLabel("sidecar.istio.io/inject", "true"))
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "istio-proxy", Image: "auto"}}
	if _, err := u.lab.Client().AppsV1().Deployments(name).Create(u.t.Context(), d, metav1.CreateOptions{}); err != nil {
		u.t.Fatal(err)
	}
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "gateway"}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: labels{"app": "gateway"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}},
	}}
	if _, err := u.lab.Client().CoreV1().Services(name).Create(u.t.Context(), s, metav1.CreateOptions{}); err != nil {
		u.t.Fatal(err)
	}
	u.balanced(name, address)
	eventuallyPods(u.t, u.lab, name, 1)
}

// balanced gives the gateway's load balancer an address.
func (u *upgraded) balanced(namespace, address string) {
	u.t.Helper()
	services := u.lab.Client().CoreV1().Services(namespace)
	s, err := services.Get(u.t.Context(), "gateway", metav1.GetOptions{})
	if err == nil {
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
		_, err = services.UpdateStatus(u.t.Context(), s, metav1.UpdateOptions{})
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

// says wants the status to have lines that begin so, whatever space is between the words, and the record to be as the schema says.
func (u *upgraded) says(moment string, lines ...string) {
	u.t.Helper()
	var r result
	// A Deployment says a moment after its pods that they are ready.
	lacking := func() error {
		r = u.does("status")
		for _, line := range lines {
			if !hasLine(r.stdout+r.stderr, line) {
				return fmt.Errorf("%s: the status lacks %q:\n%s%s", moment, line, r.stdout, r.stderr)
			}
		}
		return nil
	}
	eventually(u.t, patience, lacking)
	if strings.Contains(r.stderr, "warning") {
		u.t.Errorf("%s: %s", moment, r.stderr)
	}
	if record := u.does("status", "-o", "json").stdout; record != "" {
		satisfies(u.t, "canaryupgrade", record)
	}
}

// hasLine says whether a line begins with the words.
func hasLine(text, words string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.Join(strings.Fields(line), " ")+" ", words) {
			return true
		}
	}
	return false
}

// typesNext types what the status says is next, which has to end well.
func (u *upgraded) typesNext() {
	u.t.Helper()
	if r := u.next(u.does("status")); r.code != 0 {
		u.t.Fatalf("what the status says is next ends with exit %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// command is a `kubectl mesh-canary` that can be stopped.
func (u *upgraded) command(args ...string) *exec.Cmd { return u.commandBy(u.lab.Kubeconfig(), args...) }

func (u *upgraded) commandBy(kubeconfig string, args ...string) *exec.Cmd {
	kubectl := u.lab.Tool("kubectl")
	cmd := exec.CommandContext(u.t.Context(), kubectl, append([]string{"mesh-canary"}, args...)...)
	cmd.Env = []string{"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), "HOME=" + u.t.TempDir(), "KUBECONFIG=" + kubeconfig, goAtOnce}
	return cmd
}

// completesTo runs `complete` up to a request, which is never answered, and kills it there.
func (u *upgraded) completesTo(holds func(*intercept.Request) bool) {
	u.t.Helper()
	reached := make(chan struct{})
	g := openGate(u.t, u.lab, intercept.Once(holds, func(w http.ResponseWriter, r *intercept.Request) {
		close(reached)
		intercept.Hang(w, r)
	}))
	u.killedOf(u.commandBy(g.kubeconfig(), "complete", "--yes", "--lease-duration", "2s"), func() bool {
		select {
		case <-reached:
			return true
		default:
			return false
		}
	})
}

// killed runs a command and kills it once something holds.
func (u *upgraded) killed(holds func() bool, args ...string) {
	u.t.Helper()
	u.killedOf(u.command(append(args, "--yes", "--max-parallel", "1", "--lease-duration", "2s")...), holds)
}

func (u *upgraded) killedOf(cmd *exec.Cmd, holds func() bool) {
	u.t.Helper()
	said := &logged{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	for !holds() {
		select {
		case <-ended:
			u.t.Fatalf("%v has ended before it was killed:\n%s", cmd.Args, *said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = cmd.Process.Kill()
	<-ended
}

// isIn says whether the record has the phase.
func (u *upgraded) isIn(phase string) func() bool {
	return func() bool {
		u.t.Helper()
		c, err := u.lab.Client().CoreV1().ConfigMaps(u.istio).Get(u.t.Context(), "kubectl-mesh-canary", metav1.GetOptions{})
		if err != nil {
			u.t.Fatal(err)
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(c.Data)), func(text string) bool { return strings.Contains(text, "\nphase: "+phase+"\n") })
	}
}

// follows runs `status -w` until the test ends.
func (u *upgraded) follows() *watching {
	u.t.Helper()
	w := newWatching(u.t, u.lab, nil)
	w.cmd = u.command("status", "-w")
	w.cmd.Stdout, w.cmd.Stderr = w.stdout, w.stderr
	if err := w.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	w.reap()
	w.awaitStderr("No upgrade is recorded")
	return w
}

// shows waits until a watch of the status has shown lines that begin so. It reads no more often than every other second, so what
// comes and goes faster than that may never be seen.
func (w *watching) shows(lines ...string) {
	w.t.Helper()
	for _, line := range lines {
		w.await(func(all string) bool { return hasLine(all, line) }, line)
	}
}

// mayNotRead wants a user who may read little to be told what that is, and no more than is known.
func (u *upgraded) mayNotRead() {
	u.t.Helper()
	const user = "reader"
	grant(u.t, u.lab, user, "", []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps", "namespaces"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}, Verbs: []string{"get", "list"}},
	})
	r := u.canary("status", "--as", user)
	for _, line := range []string{
		"Phase: started, namespaces moved: 3 of an unknown number", "1-22 unknown unknown unknown", "ingress gateway unknown 203.0.113.10", "bank moved (recorded) unknown unknown",
		`warning: cannot read pods: pods is forbidden: User "reader" cannot list`, "warning: cannot read deployments of istiod in namespace istio-system: ",
		"Next: unknown", "error: the answer is incomplete: ",
	} {
		if !hasLine(r.stdout+r.stderr, line) {
			u.t.Errorf("exit %d; it does not say %q:\n%s%s", r.code, line, r.stdout, r.stderr)
		}
	}
	if r.code != 1 {
		u.t.Errorf("exit %d, want 1", r.code)
	}
	r = u.canary("status", "--as", "nobody", "-i", u.istio)
	if r.code != 1 || !strings.Contains(r.stderr, "configmaps") || r.stdout != "" {
		u.t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
