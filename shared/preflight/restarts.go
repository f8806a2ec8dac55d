package preflight

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// restarts finds workloads that cannot be restarted cleanly. What istiod makes of Gateways it restarts itself.
func (c *checker) restarts() {
	drain := c.meshDrain()
	for i := range c.Workloads {
		w := &c.Workloads[i]
		switch {
		case !w.concerns() || w.Managed:
		case w.Ref.Kind == "Pod":
			c.restart(w, "bare-pod", "nothing creates it again once it is deleted",
				"make it a Deployment's; or have it recreated when it is its turn: kubectl mesh-reinject pod/"+w.Ref.Name+" -n "+w.Namespace+" --bare-pods=recreate")
		case w.Replicas > 0 && rollout.Known(w.Ref):
			c.replicas(w)
			c.strategy(w)
			c.gracefully(w, drain)
		}
	}
}

func (c *checker) restart(w *Workload, check, message, remedy string) {
	c.add(v1alpha1.AboutRestarts, check, v1alpha1.Warning, w.object(), message, remedy)
}

// replicas looks at what serves while a pod is replaced.
func (c *checker) replicas(w *Workload) {
	switch {
	case w.Replicas != 1 || w.Ref.Kind == "DaemonSet":
	case w.Autoscaler != nil && w.Autoscaler.Minimum < 2:
		c.restart(w, "one-replica", "it has one replica",
			patch("hpa/"+w.Autoscaler.Name, w.Namespace, fmt.Sprintf(`{"spec":{"minReplicas":2,"maxReplicas":%d}}`, max(2, w.Autoscaler.Maximum))))
	case w.Autoscaler != nil:
	case w.Ref.Kind == "StatefulSet" || len(w.Claims) > 0:
		c.restart(w, "one-replica", "it has one replica, with a volume or a name of its own",
			"restart it at a time when it may be missed; or, if it can run twice: kubectl scale "+w.named()+" --replicas=2")
	default:
		c.restart(w, "one-replica", "it has one replica", "kubectl scale "+w.named()+" --replicas=2")
	}
	if !w.Probed {
		c.restart(w, "no-readiness-probe", "none of its containers has a readiness probe, so that new pods count as ready as soon as they run",
			"give its container a readinessProbe")
	}
}

// strategy looks at how pods are replaced.
func (c *checker) strategy(w *Workload) {
	if w.Paused {
		c.restart(w, "paused", "its rollout is paused, so that a restart replaces nothing", "kubectl rollout resume "+w.named())
	}
	switch {
	case w.Strategy == rollout.Recreate:
		c.restart(w, "recreate", "its strategy is Recreate: all its pods are gone before new ones come",
			patch(w.Ref.String(), w.Namespace, `{"spec":{"strategy":{"type":"RollingUpdate"}}}`))
	case w.Strategy == rollout.OnDelete:
		c.restart(w, "on-delete", "its update strategy is OnDelete, so that a restart replaces nothing until its pods are deleted",
			patch(w.Ref.String(), w.Namespace, `{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`))
	case w.Partition > w.FirstOrdinal:
		c.restart(w, "partition", fmt.Sprintf("its partition %d holds back the pods below it", w.Partition),
			patch(w.Ref.String(), w.Namespace, `{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}`))
	}
}

// drain is how a proxy ends.
type drain struct {
	// known is false where the mesh configuration may not be read.
	known  bool
	length time.Duration
	// untilIdle is true where it goes as soon as no connection is left.
	untilIdle bool
}

// defaultDrain is how long a proxy drains where nothing says otherwise. Source: DefaultProxyConfig in istio.io/istio/pkg/config/mesh.
const defaultDrain = 5 * time.Second

// meshDrain is what the mesh configuration of From says.
func (c *checker) meshDrain() drain {
	d := drain{known: !c.From.Mesh.Unread && !c.From.Shared.Unread, length: defaultDrain}
	for _, document := range []Document{c.From.Shared, c.From.Mesh} {
		if s, err := settingsOf(document); err == nil {
			d = d.changed(s, "defaultConfig.")
		}
	}
	return d
}

// changed is a drain with what settings of a proxy say. Source: ProxyConfig in istio.io/api/mesh/v1alpha1, and
// exitOnZeroActiveConnectionsEnv in istio.io/istio/pilot/cmd/pilot-agent/options.
func (d drain) changed(s settings, prefix string) drain {
	if length, err := time.ParseDuration(s[prefix+"terminationDrainDuration"]); err == nil {
		d.known, d.length = true, length
	}
	if idle, is := s[prefix+"proxyMetadata.EXIT_ON_ZERO_ACTIVE_CONNECTIONS"]; is {
		d.untilIdle = idle == "true"
	}
	return d
}

// gracefully looks at whether pods are given the time that their proxy drains.
func (c *checker) gracefully(w *Workload, d drain) {
	if own, err := parseSettings(w.Annotations["proxy.istio.io/config"], "proxy.istio.io/config"); err == nil {
		d = d.changed(own, "")
	}
	grace := time.Duration(min(w.GracePeriod, math.MaxInt32)) * time.Second
	if !d.known || d.untilIdle || grace >= d.length {
		return
	}
	enough := int64(math.Ceil(d.length.Seconds())) + int64(defaultDrain.Seconds())
	c.restart(w, "grace-period",
		fmt.Sprintf("its terminationGracePeriodSeconds is %d, and its proxy drains for %s: connections are cut", w.GracePeriod, d.length),
		patch(w.Ref.String(), w.Namespace, fmt.Sprintf(`{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":%d}}}}`, enough)))
}

// budgets finds those that allow no eviction of pods that the move concerns.
func (c *checker) budgets() {
	for i := range c.Budgets {
		b := &c.Budgets[i]
		if !c.guards(b) {
			continue
		}
		where := object("PodDisruptionBudget", b.Namespace, b.Name)
		if b.Healthy >= b.Expected {
			c.add(v1alpha1.AboutRestarts, "budget", v1alpha1.Warning, where,
				fmt.Sprintf("it allows no eviction: %d of %s must stay", b.Desired, counted(b.Expected, "pod")),
				patch("pdb/"+b.Name, b.Namespace, `{"spec":{"minAvailable":null,"maxUnavailable":1}}`))
			continue
		}
		c.add(v1alpha1.AboutRestarts, "budget", v1alpha1.Warning, where,
			fmt.Sprintf("it allows no eviction now: %d of %s are healthy, and %d must be", b.Healthy, counted(b.Expected, "pod"), b.Desired),
			fmt.Sprintf("see why the others are not: kubectl get pods -n %s -l %s", b.Namespace, quoted(b.Selector.String())))
	}
}

// guards says whether a budget is about pods that the move concerns.
func (c *checker) guards(b *Budget) bool {
	for i := range c.Workloads {
		w := &c.Workloads[i]
		if w.Namespace == b.Namespace && w.concerns() && b.Selector.Matches(labels.Set(w.Labels)) {
			return true
		}
	}
	return false
}
