package tag

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// List turns tags, and who follows them, into what is printed of them.
func List(o *Objects, c *Census) *v1alpha1.TagList {
	var items []v1alpha1.TagItem
	for _, t := range o.Tags() {
		state, reason := o.judge(t)
		u := c.Usage(t.Namespace, t.Name)
		items = append(items, v1alpha1.TagItem{
			Tag: t.Name, IstioNamespace: t.Namespace, Revision: t.Revision(), State: state, Reason: reason,
			Webhooks: claims(t.Webhooks), Services: claims(t.Services), Validator: t.Validator,
			Followers: v1alpha1.TagFollowers{
				ByLabel: listed(u.ByLabel), ByInjection: listed(u.ByInjection), ByPod: listed(u.ByPod), Pods: u.Pods, Gateways: listed(u.Gateways),
			},
		})
	}
	return v1alpha1.NewTagList(items)
}

// judge says whether a tag is whole, and in words what is wrong with it, or merely missing.
func (o *Objects) judge(t Tag) (v1alpha1.TagState, string) {
	installed := o.Revisions(t.Namespace)
	switch {
	case t.Conflict() != "":
		return v1alpha1.TagConflicting, t.Conflict()
	case t.Revision() != "" && !slices.Contains(installed, t.Revision()):
		return v1alpha1.TagDangling, "revision " + t.Revision() + " is not installed"
	case len(t.Webhooks) == 0:
		return v1alpha1.TagHalf, t.Half()
	default:
		return v1alpha1.TagWhole, t.Half()
	}
}

func claims(from []Claim) []v1alpha1.TagClaim {
	to := []v1alpha1.TagClaim{}
	for _, c := range from {
		to = append(to, v1alpha1.TagClaim{Name: c.Object, Revision: c.Revision})
	}
	return to
}

func listed(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// Change turns a plan, and what it moves, into what is printed of it.
func Change(o *Objects, w Wish, writes []Write, e Effect) *v1alpha1.TagChange {
	before := o.Tag(w.Namespace, w.Name)
	c := &v1alpha1.TagChange{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.TagChangeKind},
		Tag:      w.Name, IstioNamespace: w.Namespace, From: before.Revision(), To: w.Webhook, Action: action(before, w, writes),
		Writes: []v1alpha1.TagWrite{}, Pods: e.Pods, Lost: e.Lost, Gateways: listed(e.Gateways),
		Namespaces: listed(slices.Sorted(maps.Keys(e.Namespaces))), Uninjected: listed(e.Uninjected),
	}
	for _, write := range writes {
		c.Writes = append(c.Writes, v1alpha1.TagWrite{
			Verb: string(write.Verb), Kind: write.Kind, Namespace: write.Object.GetNamespace(), Name: write.Object.GetName(), Reason: write.Text,
		})
	}
	return c
}

func action(before Tag, w Wish, writes []Write) v1alpha1.TagAction {
	switch {
	case len(writes) == 0:
		return v1alpha1.TagKeep
	case w.Webhook == "":
		return v1alpha1.TagRemove
	case before.Revision() == "":
		return v1alpha1.TagCreate
	case before.Revision() == w.Webhook:
		return v1alpha1.TagRepair
	default:
		return v1alpha1.TagMove
	}
}
