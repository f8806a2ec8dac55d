package upgradehands

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/redundancy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderun"
)

// Hands change a cluster. They are not for use by several goroutines at once.
type Hands struct {
	Clients    *cluster.Clients
	Reinjector *Reinjector
	// Namespace is Istio's.
	Namespace string
	// Upgrade is the record: a tag goes back to what it says.
	Upgrade *v1alpha1.CanaryUpgrade
	// Wrote is told of each object that was written, in words, Unseen of what could not be seen to work.
	Wrote, Unseen func(text string)

	tags *tag.Objects
	// injects are the tags that were seen to inject, or of which that cannot be seen.
	injects map[string]bool
}

// Look returns the tags and the namespaces.
func (h *Hands) Look(ctx context.Context) (upgrade.Seen, error) {
	objects, err := readTags(ctx, h.Clients, h.Namespace)
	if err != nil {
		return upgrade.Seen{}, err
	}
	h.tags = objects
	seen := upgrade.Seen{Tags: map[string]upgrade.Tag{}, Namespaces: map[string]upgrade.Namespace{}}
	for _, t := range objects.Tags() {
		if t.Namespace == h.Namespace {
			seen.Tags[t.Name] = upgrade.Tag{Revision: t.Revision(), Half: h.half(t)}
		}
	}
	return seen, readNamespaces(ctx, h.Clients, &seen)
}

// Tags returns what Look has found that tags are made of.
func (h *Hands) Tags() *tag.Objects { return h.tags }

// half says whether a tag of the upgrade's is not all that it should be where it points: a run that moved it was cut off.
func (h *Hands) half(t tag.Tag) bool {
	r := h.recorded(t.Name)
	if h.back() && r != nil && r.Was != nil {
		// What is put back need not be all that a tag is made of today.
		wish, _ := h.puttingBack(r)
		writes, err := tag.Plan(h.tags, wish)
		return err == nil && len(writes) > 0
	}
	wish := tag.Set(h.tags, t.Namespace, t.Name, t.Revision())
	if len(t.Webhooks) == 0 {
		return true
	}
	// Releases before 1.28 make no Service: where there was none and the tag was not touched, none is missing.
	if r == nil || len(r.Wrote) == 0 {
		return t.Conflict() != ""
	}
	writes, err := tag.Plan(h.tags, wish)
	return err == nil && len(writes) > 0
}

func (h *Hands) recorded(name string) *v1alpha1.UpgradeTag {
	if h.Upgrade == nil {
		return nil
	}
	for i := range h.Upgrade.Tags {
		if h.Upgrade.Tags[i].Name == name {
			return &h.Upgrade.Tags[i]
		}
	}
	return nil
}

// readTags reads what tags are made of. Half of it is nothing to go by.
func readTags(ctx context.Context, clients *cluster.Clients, namespace string) (*tag.Objects, error) {
	objects, gaps, err := tag.Read(ctx, clients, namespace)
	switch {
	case err != nil:
		return nil, err
	case len(gaps) > 0:
		return nil, fmt.Errorf("reading the tags: %w", gaps[0])
	default:
		return objects, nil
	}
}

func readNamespaces(ctx context.Context, clients *cluster.Clients, seen *upgrade.Seen) error {
	list, err := clients.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("reading namespaces: %w", err)
	}
	for i := range list.Items {
		n := &list.Items[i]
		seen.Namespaces[n.Name] = upgrade.Namespace{UID: string(n.UID), Labels: upgrade.Labels(n.Labels), Deleting: n.DeletionTimestamp != nil}
	}
	return nil
}

// SetTag points a tag at a revision, and waits until a dry run shows that it injects. Where the upgrade goes back, it is made what it was;
// what somebody else has changed of it stays, and is the KeptError that is returned once the rest is written.
func (h *Hands) SetTag(ctx context.Context, name, revision string) error {
	wish, kept, err := h.setting(name, revision)
	if err != nil {
		return err
	}
	delete(h.injects, name)
	if err := h.applyAnd(ctx, wish, kept); err != nil {
		return err
	}
	return h.see(ctx, name)
}

// see sees whether a tag injects now, once: an API server may not have taken up yet what was written, by this process or by one that was
// cut off, and whatever were labelled with the tag and created meanwhile would get no proxy, or the former one. Who may not ask, or has
// no namespace to ask in, is told so, and goes on; so does a rollback in any case, for there is nothing better to go to.
func (h *Hands) see(ctx context.Context, name string) error {
	t := h.tags.Tag(h.Namespace, name)
	if h.injects[name] || len(t.Webhooks) == 0 {
		return nil
	}
	err := tag.See(ctx, h.Clients, h.tags, tag.Sight{Tag: name, Revision: t.Revision(), Namespace: h.Namespace})
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && tag.Contradicts(err) && !h.back():
		return fmt.Errorf("%w; once it does, run the same command again, or go back by `kubectl mesh-canary rollback`", err)
	case err != nil:
		h.Unseen(err.Error())
	}
	if h.injects == nil {
		h.injects = map[string]bool{}
	}
	h.injects[name] = true
	return nil
}

func (h *Hands) setting(name, revision string) (wish tag.Wish, kept []string, err error) {
	if r := h.recorded(name); h.back() && r != nil && r.Was != nil {
		wish, kept = h.puttingBack(r)
		return wish, kept, nil
	}
	if err := tag.CheckSet(h.tags, h.Namespace, name, revision); err != nil {
		return tag.Wish{}, nil, err
	}
	return tag.Set(h.tags, h.Namespace, name, revision), nil, nil
}

// RemoveTag removes a tag, unless namespaces, pods or Gateways name it. The default tag is put back to what was recorded, as by SetTag.
func (h *Hands) RemoveTag(ctx context.Context, name, _ string) error {
	wish, kept, back := h.removing(name)
	if back {
		return h.applyAnd(ctx, wish, kept)
	}
	followers, err := h.naming(ctx, name)
	if err != nil {
		return err
	}
	if len(followers) > 0 {
		return fmt.Errorf("tag %s is still named by %s: label them otherwise, and run the same command again", name, someOf(followers))
	}
	return h.apply(ctx, wish)
}

// removing is the wish that there is no such tag. back is true where that puts the default tag back to what was recorded.
func (h *Hands) removing(name string) (wish tag.Wish, kept []string, back bool) {
	if r := h.recorded(name); name == tag.Default && h.back() && r != nil && r.Was != nil {
		wish, kept = h.puttingBack(r)
		return wish, kept, true
	}
	return tag.Remove(h.tags, h.Namespace, name), nil, false
}

// naming returns what names a tag by its label: namespaces, pods, and Gateways that istiod manages.
func (h *Hands) naming(ctx context.Context, name string) ([]string, error) {
	selector := upgrade.Rev + "=" + name
	namespaces, err := h.Namespaces(ctx, selector)
	if err != nil {
		return nil, err
	}
	var named []string
	for _, n := range namespaces {
		named = append(named, "namespace "+n)
	}
	gap, err := h.Clients.Everywhere(ctx, "pods", "", func(namespace string) error {
		_, err := podlist.Each(ctx, h.Clients.Core, namespace, podlist.Options{LabelSelector: selector}, func(pod proxy.Pod) error {
			if pod.Phase != corev1.PodSucceeded && pod.Phase != corev1.PodFailed {
				named = append(named, "pod "+pod.Namespace+"/"+pod.Name)
			}
			return nil
		})
		return err
	})
	if err == nil && gap != nil {
		err = gap
	}
	if err != nil {
		return nil, fmt.Errorf("whether anything names tag %s: %w", name, err)
	}
	gateways, err := h.gatewaysNaming(ctx, selector)
	return append(named, gateways...), err
}

func (h *Hands) gatewaysNaming(ctx context.Context, selector string) ([]string, error) {
	var named []string
	for _, resource := range mesh.GatewayResources() {
		list, err := h.Clients.Metadata.Resource(resource).List(ctx, metav1.ListOptions{LabelSelector: selector})
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("reading Gateways: %w", err)
		}
		for i := range list.Items {
			named = append(named, "Gateway "+list.Items[i].Namespace+"/"+list.Items[i].Name)
		}
		break
	}
	return named, nil
}

func (h *Hands) back() bool { return h.Upgrade != nil && h.Upgrade.Phase == v1alpha1.PhaseRollingBack }

// puttingBack is the wish that a tag is what it was before the upgrade, as far as nobody else has changed it; kept says what they have.
func (h *Hands) puttingBack(r *v1alpha1.UpgradeTag) (wish tag.Wish, kept []string) {
	at := r.Before
	if len(r.Wrote) > 0 {
		at = r.Wrote[len(r.Wrote)-1]
	}
	return tag.Restore(h.tags, *r.Was, tag.Set(h.tags, h.Namespace, r.Name, at).Record(*r.Was))
}

func (h *Hands) applyAnd(ctx context.Context, wish tag.Wish, kept []string) error {
	if err := h.apply(ctx, wish); err != nil || len(kept) == 0 {
		return err
	}
	e := &upgraderun.KeptError{}
	for _, text := range kept {
		e.Kept = append(e.Kept, upgrade.Kept{Text: text})
	}
	return e
}

// Preview returns what a step would write of a tag, and has the steps that are previewed after it find that written. Other steps write
// none.
func (h *Hands) Preview(s upgrade.Step) ([]tag.Write, error) {
	var wish tag.Wish
	var err error
	switch s.Kind {
	case upgrade.SetTag:
		wish, _, err = h.setting(s.Tag, s.Revision)
	case upgrade.RemoveTag:
		wish, _, _ = h.removing(s.Tag)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	writes, err := tag.Plan(h.tags, wish)
	for _, w := range writes {
		h.tags = h.tags.With(w, w.Object)
	}
	return writes, err
}

func (h *Hands) apply(ctx context.Context, wish tag.Wish) error {
	objects, err := tag.Apply(ctx, h.Clients, h.tags, wish, tag.Run{Done: func(w tag.Write) { h.Wrote(w.Text) }})
	if err == nil {
		h.tags = objects
	}
	return err
}

// Label gives a namespace the labels that decide about injection, once a tag that they name is seen to inject.
func (h *Hands) Label(ctx context.Context, name string, was upgrade.Namespace, labels map[string]string) error {
	if followed := cmp.Or(labels[upgrade.Rev], tag.Default); labels[upgrade.Rev] != "" || labels[upgrade.Injection] == "enabled" {
		if err := h.see(ctx, followed); err != nil {
			return err
		}
	}
	if err := label(ctx, h.Clients.Kube.CoreV1(), name, was, labels); err != nil {
		return err
	}
	h.Wrote("namespace " + name + " is labelled " + upgrade.LabelText(labels))
	return nil
}

// Restart restarts what a step says.
func (h *Hands) Restart(ctx context.Context, s upgrade.Step) error {
	return h.Reinjector.restart(ctx, s)
}

// PutBack gives back the replicas that were raised.
func (h *Hands) PutBack(ctx context.Context, u *v1alpha1.CanaryUpgrade, r upgraderun.Recorder) ([]upgrade.Kept, error) {
	return redundancy.PutBack(ctx, h.Clients.Kube, u, r.Save)
}

// Record notes of the upgrade's tags what they are made of, before any of them is changed.
func (h *Hands) Record(u *v1alpha1.CanaryUpgrade) {
	for i := range u.Tags {
		if t := &u.Tags[i]; t.Was == nil {
			was := h.tags.Record(h.Namespace, t.Name)
			t.Was = &was
		}
	}
}

// Namespaces returns the names of those whose labels match a selector, in order.
func (h *Hands) Namespaces(ctx context.Context, selector string) ([]string, error) {
	list, err := h.Clients.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("reading namespaces: %w", err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names, nil
}
