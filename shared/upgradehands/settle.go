package upgradehands

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

const (
	// settleTime is how long pods that should be gone may stay as they are: others, such as controllers that were scaling, replace pods too.
	settleTime = 20 * time.Second
	settleLook = time.Second
)

// going are the pods that should be gone and may still be going, and those of them whose gateways istiod replaces itself. onlyGateways is
// true where nothing else is stale.
type going struct {
	pods         []string
	managed      []scan.Item
	onlyGateways bool
}

// settling waits for pods that are going. gateways is how long those may take that istiod manages: it rolls them out by itself.
type settling struct {
	gateways     time.Duration
	last         []string
	began, since time.Time
}

// over says whether it was waited long enough: nothing has changed for a while, or it has gone on changing for as long as a workload may take.
func (s *settling) over(g going, now time.Time) bool {
	if s.began.IsZero() {
		s.began = now
	}
	if !slices.Equal(g.pods, s.last) {
		s.last, s.since = g.pods, now
	}
	longest := max(settleTime, s.gateways)
	still := settleTime
	if g.onlyGateways {
		still = longest
	}
	return now.Sub(s.since) > still || now.Sub(s.began) > longest
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// failing returns why a gateway that istiod has begun to roll out will not become ready, as soon as that is known. Whatever cannot be read
// is awaited.
func (r *Reinjector) failing(ctx context.Context, managed []scan.Item) error {
	looked := map[string]bool{}
	for _, i := range managed {
		ref := i.Chain.Workload()
		id := i.Pod.Namespace + "/" + ref.Name
		if ref.Kind != "Deployment" || looked[id] {
			continue
		}
		looked[id] = true
		state, err := r.state(ctx, i.Pod.Namespace, ref.Name)
		if err != nil {
			if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
				continue
			}
			return fmt.Errorf("looking at gateway %s in namespace %s: %w", ref, i.Pod.Namespace, err)
		}
		if why := broken(state, i.Verdict.Expected.Revision, time.Now()); why != "" {
			return fmt.Errorf("gateway %s in namespace %s, which istiod rolls out, does not become ready: %s; mend it, and run the same command again",
				ref, i.Pod.Namespace, why)
		}
	}
	return nil
}

// broken says why the pods that are to run a revision will not become ready, empty while they may. Before there is one, what the
// Deployment says is about its old pods.
func broken(s rollout.State, revision string, now time.Time) string {
	fresh := func(p rollout.Pod) bool { return p.Revision == revision }
	if !slices.ContainsFunc(s.Live(), fresh) {
		return ""
	}
	return s.Progress(fresh, now).Failed
}

// state reads a Deployment with its pods.
func (r *Reinjector) state(ctx context.Context, namespace, name string) (s rollout.State, err error) {
	apps := r.Clients.Kube.AppsV1()
	d, err := apps.Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return s, err
	}
	s.Workload, _ = rollout.Of(d)
	mine := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)}
	sets, err := apps.ReplicaSets(namespace).List(ctx, mine)
	if err != nil {
		return s, err
	}
	for i := range sets.Items {
		if set, ok := rollout.SetOf(&sets.Items[i]); ok && set.Owner == d.UID {
			s.Sets = append(s.Sets, set)
		}
	}
	pods, err := r.Clients.Kube.CoreV1().Pods(namespace).List(ctx, mine)
	if err != nil {
		return s, err
	}
	for i := range pods.Items {
		s.Pods = append(s.Pods, rollout.PodOf(&pods.Items[i]))
	}
	return s, nil
}
