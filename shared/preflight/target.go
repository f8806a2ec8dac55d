package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderule"
)

// notInstalled is the check of a target that is not there, without which much cannot be checked. The others find one that is there and
// does not answer yet.
const (
	notInstalled  = "not-installed"
	notReady      = "not-ready"
	webhookFailed = "webhook-failed"
)

// webhookUnasked is the check of a webhook of which is not known whether it serves.
const webhookUnasked = "webhook-unasked"

// missing is what is said of a target that may just be starting, empty where it serves.
func missing(f Facts) string {
	c := &checker{Facts: &f}
	c.target()
	for _, finding := range c.findings {
		if slices.Contains([]string{notInstalled, notReady, webhookFailed}, finding.Check) {
			return finding.Message
		}
	}
	return ""
}

// Failing says whether a finding is that a control plane's webhook does not answer.
func Failing(f v1alpha1.Finding) bool { return f.Check == webhookFailed }

// target checks that the target is installed, ready and serving.
func (c *checker) target() {
	if !c.To.Installed {
		c.absent()
		return
	}
	c.ready()
	c.serving()
}

func (c *checker) absent() {
	to := c.To.Revision
	message, remedy := fmt.Sprintf("revision %s is not installed: no injector is its own", to), installing(c.From.ControlPlane, to)
	if c.To.TagOf != "" {
		message = fmt.Sprintf("%s is no revision, but a tag of revision %s", to, c.To.TagOf)
		remedy = "kubectl mesh-canary check --to " + c.To.TagOf
	}
	c.add(v1alpha1.AboutControlPlane, notInstalled, v1alpha1.Blocking, object("Revision", "", to), message, remedy)
}

// installing is how a revision comes beside the one that is left. Where Istio is, `istioctl install` takes from the values alone. Source:
// istio.io/istio/operator/cmd/mesh, and learn.microsoft.com/azure/aks/istio-upgrade for the add-on of Azure.
func installing(from revision.ControlPlane, to string) string {
	if controlplane.WayOf(from) == upgraderule.OnAKS {
		return "az aks mesh upgrade start --resource-group <GROUP> --name <CLUSTER> --revision " + to
	}
	if from.Namespace == "" {
		return "have it installed as " + from.Revision + " was, whose control plane is outside this cluster"
	}
	command := "istioctl install"
	if to != revision.Default {
		command += " --revision " + to
	}
	if from.Namespace != usualNamespace {
		command += " --istioNamespace " + from.Namespace + " --set values.global.istioNamespace=" + from.Namespace
	}
	return command
}

// usualNamespace is where `istioctl install` puts Istio unless it is told otherwise.
const usualNamespace = "istio-system"

// ready checks that all replicas of its istiod are.
func (c *checker) ready() {
	d := c.To.Deployment
	if d == nil {
		if c.knows("deployments of istiod") {
			c.add(v1alpha1.AboutControlPlane, "no-istiod", v1alpha1.Warning, object("Revision", "", c.To.Revision),
				"no Deployment of its istiod is to be seen, so that neither its replicas nor its version can be checked",
				"if its control plane is outside this cluster, check it there")
		}
		return
	}
	if d.Observed && d.Replicas > 0 && d.Ready >= d.Replicas && d.Updated >= d.Replicas {
		return
	}
	what := "deployment/" + d.Name + " -n " + c.To.Namespace
	message, remedy := fmt.Sprintf("%d of %s of istiod %s ready", d.Ready, counted(d.Replicas, "replica"), isOrAre(d.Ready)), "kubectl rollout status "+what
	switch {
	case d.Replicas == 0:
		message, remedy = "istiod is scaled to no replicas", "kubectl scale "+what+" --replicas=2"
	case d.Observed && d.Ready >= d.Replicas:
		message = fmt.Sprintf("istiod is being rolled out: %d of %s updated", d.Updated, counted(d.Replicas, "replica"))
	}
	c.add(v1alpha1.AboutControlPlane, notReady, v1alpha1.Blocking, object("Deployment", c.To.Namespace, d.Name), message, remedy)
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// knows says whether nothing of what begins with those words is missing.
func (c *checker) knows(what string) bool {
	for _, gap := range c.Gaps {
		if strings.HasPrefix(gap.Missing, what) {
			return false
		}
	}
	return true
}

// serving checks what its webhook made of a pod.
func (c *checker) serving() {
	a, to := c.To.Answer, object("Revision", c.To.Namespace, c.To.Revision)
	logs := fmt.Sprintf("kubectl logs -n %s -l app=istiod,istio.io/rev=%s --tail=50", c.To.Namespace, c.To.Revision)
	switch {
	case a.Failure != "":
		c.add(v1alpha1.AboutControlPlane, webhookFailed, v1alpha1.Blocking, to, "its webhook does not serve: "+a.Failure, "see why: "+logs)
	case a.Unasked != "":
		c.add(v1alpha1.Unchecked, webhookUnasked, v1alpha1.Warning, to,
			"could not be checked: whether its webhook serves: "+a.Unasked, "run this as somebody who may create pods (by dry run) in some namespace")
	case a.Namespace != "" && a.Revision != c.To.Revision:
		c.add(v1alpha1.AboutControlPlane, "webhook-other", v1alpha1.Blocking, to,
			fmt.Sprintf("a pod in namespace %s that names it is given %s", a.Namespace, proxyOf(a.Revision)), "see its webhooks: kubectl get mutatingwebhookconfigurations -l istio.io/rev="+c.To.Revision+" -o yaml")
	}
}

func proxyOf(revision string) string {
	if revision == "" {
		return "no proxy"
	}
	return "a proxy of revision " + revision
}

// versions are those between which proxies move. In place these are the lowest that runs, from which the control plane was upgraded,
// and that of the control plane.
func (c *checker) versions() (from, to string) {
	from, to = c.From.version(), c.To.version()
	if c.inPlace() && len(c.ProxyVersions) > 0 {
		from = c.ProxyVersions[0]
	}
	return from, to
}

// versionStep checks that the target's version may follow.
func (c *checker) versionStep() {
	if !c.To.Installed {
		return
	}
	from, to := c.versions()
	way := controlplane.WayOf(c.From.ControlPlane)
	if c.inPlace() {
		way = upgraderule.InPlace
	}
	verdict := upgraderule.Judge(proxy.ParseVersion(from), proxy.ParseVersion(to), way)
	step := object("Revision", c.To.Namespace, c.To.Revision)
	switch {
	case verdict.Unknown:
		c.add(v1alpha1.AboutVersion, "version-unknown", v1alpha1.Warning, step, "whether its version may follow is unknown: "+verdict.Why+
			fmt.Sprintf(" (%s: %s, %s: %s)", c.From.Revision, orUnknown(from), c.To.Revision, orUnknown(to)),
			"compare the two by hand: by revisions one may go up two minor versions, in place and on AKS one, and down one")
	case !verdict.Allowed:
		c.add(v1alpha1.AboutVersion, "version-step", v1alpha1.Blocking, step, verdict.Why, "install a version in between, and move to that first")
	}
}

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
