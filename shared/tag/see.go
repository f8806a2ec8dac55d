package tag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// patience is how long is waited for an injection to be seen, pause how long between two looks. An API server takes up a
// changed configuration within a second or two. Tests shorten them.
var patience, pause = 20 * time.Second, 250 * time.Millisecond

// places is how many namespaces a pod is asked about in before it counts as not seen.
const places = 5

// See waits until a dry run of a pod that follows the tag shows that the revision injects it. Where another injector still
// selects the same pods, and may be called last, that dry run shows that both have answered, and one that names the revision
// itself shows that it injects. An API server takes up changes in the order in which they were made, so that what is
// switched off afterwards is nowhere off before the tag is there.
//
// The error says what was seen instead, or that nothing may be asked: it needs the right to create pods in one of the
// namespaces that the tag's selectors choose.
func See(ctx context.Context, clients *cluster.Clients, o *Objects, s Sight) error {
	if err := dryrun.Supported(ctx, clients.Kube); err != nil {
		return err
	}
	namespaces, err := readNamespaces(ctx, clients, s.Namespace)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var seen error
	for {
		last := look(within, clients, o, s, namespaces)
		if last == nil {
			return nil
		}
		// What may not be asked now may not be asked later either.
		var refusal *dryrun.Refusal
		if errors.As(last, &refusal) && refusal.Undecided() {
			return unseen(s, last)
		}
		// That time was up says less than what was seen before.
		if seen == nil || within.Err() == nil {
			seen = last
		}
		select {
		case <-within.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return unseen(s, seen)
		case <-time.After(pause):
		}
	}
}

func unseen(s Sight, seen error) error {
	return fmt.Errorf("%s was not seen to inject by revision %s: %w", title(s.Namespace, s.Tag), s.Revision, seen)
}

// place is a namespace in which can be asked.
type place struct {
	name   string
	labels map[string]string
}

// readNamespaces returns the namespaces in the order in which to ask: Istio's own first, where others mind least.
func readNamespaces(ctx context.Context, clients *cluster.Clients, istioNamespace string) ([]place, error) {
	var found []place
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return clients.Metadata.Resource(cluster.NamespaceResource).List(ctx, o)
	}
	err := cluster.EachPage(ctx, 500, metav1.ListOptions{}, list, func(object runtime.Object) error {
		m := object.(*metav1.PartialObjectMetadata)
		if m.DeletionTimestamp == nil && !slices.Contains(systemNamespaces(), m.Name) {
			found = append(found, place{m.Name, m.Labels})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading namespaces: %w", err)
	}
	rank := func(p place) int {
		return map[string]int{istioNamespace: -2, metav1.NamespaceDefault: -1}[p.name]
	}
	slices.SortStableFunc(found, func(a, b place) int { return cmp.Compare(rank(a), rank(b)) })
	return found, nil
}

// look asks once. It returns nil once there is nothing more to wait for.
func look(ctx context.Context, clients *cluster.Clients, o *Objects, s Sight, namespaces []place) error {
	contested := s.Replaced != "" && s.Replaced != s.Revision
	if contested && s.Revision != revision.Default {
		own, err := o.Own(s.Namespace, s.Revision)
		if err != nil {
			return err
		}
		answer, err := askIn(ctx, clients, own, s.Revision, namespaces)
		if err != nil {
			return err
		}
		if err := injectedBy(answer, s.Revision); err != nil {
			return err
		}
	}
	t := o.Tag(s.Namespace, s.Tag)
	if len(t.Webhooks) == 0 {
		return errors.New("the tag has no webhook configuration")
	}
	answer, err := askIn(ctx, clients, o.webhook(t.Webhooks[0].Object), s.Tag, namespaces)
	switch {
	case err != nil:
		return err
	case contested && answer.Refusal != nil && answer.Refusal.Class == dryrun.Invalid:
		// Where only one of the two makes native sidecars, the pod has two proxies of one name.
		return nil
	case contested && s.Revision != revision.Default && injectedBy(answer, s.Replaced) == nil:
		return nil
	default:
		return injectedBy(answer, s.Revision)
	}
}

// OtherwiseError says that a dry run has shown a pod to become something else than what the tag promises.
type OtherwiseError struct {
	// Revision is the one that has injected it, empty for none.
	Revision string
}

// Error says it in words.
func (e *OtherwiseError) Error() string {
	if e.Revision == "" {
		return "a pod was not injected"
	}
	return "a pod was injected by revision " + e.Revision
}

// Contradicts says of the error of See whether it was seen that pods that follow the tag would not run the revision, or could not be
// created. Otherwise it could only not be seen that they do.
func Contradicts(err error) bool {
	var otherwise *OtherwiseError
	var refusal *dryrun.Refusal
	return errors.As(err, &otherwise) || errors.As(err, &refusal) && refusal.ByInjector() && !refusal.Undecided()
}

func injectedBy(answer dryrun.Answer, rev string) error {
	switch {
	case answer.Refusal != nil:
		return answer.Refusal
	case !answer.Injected:
		return &OtherwiseError{}
	case answer.Revision != rev:
		return &OtherwiseError{answer.Revision}
	default:
		return nil
	}
}

// askIn asks about a pod that names a revision or a tag in its label, in the first of the namespaces in which the injector
// selects it and nothing but injection may refuse it.
func askIn(ctx context.Context, clients *cluster.Clients, injector *admissionv1.MutatingWebhookConfiguration, name string, namespaces []place) (dryrun.Answer, error) {
	var last dryrun.Answer
	asked := 0
	for _, n := range namespaces {
		pod := probe(n.name, name)
		if !selects(injector, n.labels, pod.Labels) {
			continue
		}
		answer, err := dryrun.Ask(ctx, clients.Kube, pod)
		if err != nil {
			return last, err
		}
		if last = answer; answer.Refusal == nil || answer.Refusal.ByInjector() || answer.Refusal.Class == dryrun.Invalid {
			return answer, nil
		}
		if asked++; asked == places {
			break
		}
	}
	if last.Refusal == nil {
		return last, fmt.Errorf("in no namespace does webhook configuration %s select a pod with label %s=%s", injector.Name, label.IoIstioRev.Name, name)
	}
	return last, nil
}

func selects(c *admissionv1.MutatingWebhookConfiguration, namespace, pod map[string]string) bool {
	for _, injector := range revision.Injectors([]admissionv1.MutatingWebhookConfiguration{*c}) {
		for _, w := range injector.Webhooks {
			if w.Selects(namespace, pod) {
				return true
			}
		}
	}
	return false
}

// probe is a pod that no policy has anything against.
func probe(namespace, follows string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: "kubectl-mesh-tag-",
			Labels: map[string]string{label.IoIstioRev.Name: follows, label.SidecarInject.Name: "true"},
		},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(65535)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "probe", Image: "registry.k8s.io/pause:3.10",
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}
