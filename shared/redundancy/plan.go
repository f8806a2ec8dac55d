// Package redundancy gives the control plane and the gateways of a mesh a least number of replicas for as long as an upgrade takes, and
// puts back what they had. What is done is decided over plain values; the calls test that these still hold.
package redundancy

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// The kinds of objects that say how many replicas there are.
const (
	deploymentKind = "Deployment"
	autoscalerKind = "HorizontalPodAutoscaler"
)

// Deployment is one of an istiod or of a gateway.
type Deployment struct {
	Namespace, Name string
	Replicas        int32
	// Autoscalers are the HPAs that scale it, hardly ever more than one.
	Autoscalers []Autoscaler
	// Unknown says why it is not known which they are, empty where it is.
	Unknown string
	// Surged is true where a restart that broke off has left it at another number than its owner's.
	Surged bool
}

// Autoscaler is an HPA, whose minimum and maximum these are.
type Autoscaler struct {
	Name     string
	Min, Max int32
}

// Left is a Deployment that keeps fewer replicas than it should have.
type Left struct {
	// Object names it, and Why says why.
	Object, Why string
	// Command is what to type.
	Command string
}

// String says it in one line.
func (l Left) String() string { return l.Object + " " + l.Why + ": `" + l.Command + "`" }

// Plan returns what is to be raised so that every Deployment has at least so many replicas, with the number that it has and the one to
// write, and those that cannot be. recorded is what the upgrade has raised before: where that is still as it was, because the upgrade
// broke off in between, it is to be raised again. One without any replica is switched off, and stays so.
func Plan(seen []Deployment, recorded []v1alpha1.UpgradeReplicas, least int32) (raise []v1alpha1.UpgradeReplicas, left []Left) {
	for _, d := range seen {
		if d.Replicas == 0 {
			continue
		}
		r := d.record(least)
		before := slices.IndexFunc(recorded, func(known v1alpha1.UpgradeReplicas) bool { return same(known, r) })
		switch why, command := d.refuse(r); {
		case before >= 0:
			again, l := resume(recorded[before], r)
			raise, left = append(raise, again...), append(left, l...)
		case r.Before >= least:
		case why != "":
			left = append(left, Left{object(r), why, command})
		default:
			raise = append(raise, r)
		}
	}
	return raise, left
}

// record is what is to be noted of a Deployment or, where it has one, of its HPA: a Deployment's own number the HPA would set back.
func (d Deployment) record(least int32) v1alpha1.UpgradeReplicas {
	r := v1alpha1.UpgradeReplicas{Kind: deploymentKind, Namespace: d.Namespace, Name: d.Name, Before: d.Replicas, Wrote: least}
	if len(d.Autoscalers) > 0 {
		r.Kind, r.Name, r.Before = autoscalerKind, d.Autoscalers[0].Name, d.Autoscalers[0].Min
	}
	return r
}

func same(a, b v1alpha1.UpgradeReplicas) bool {
	return a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

// refuse says why a Deployment is not raised, and what to type; empty where it is.
func (d Deployment) refuse(r v1alpha1.UpgradeReplicas) (why, command string) {
	switch {
	case d.Unknown != "":
		return "cannot be raised: " + d.Unknown, "kubectl auth can-i list horizontalpodautoscalers -n " + d.Namespace
	case len(d.Autoscalers) > 1:
		return fmt.Sprintf("is one of %d that scale deployment/%s", len(d.Autoscalers), d.Name), "kubectl get horizontalpodautoscalers -n " + d.Namespace
	case len(d.Autoscalers) == 1 && d.Autoscalers[0].Max < r.Wrote:
		return fmt.Sprintf("allows no more than %d replicas", d.Autoscalers[0].Max),
			fmt.Sprintf(`kubectl patch horizontalpodautoscaler %s -n %s --type=merge -p '{"spec":{"maxReplicas":%d}}'`, r.Name, r.Namespace, r.Wrote)
	case d.Surged:
		return "has a second replica from a restart that broke off, which is still to be put back",
			fmt.Sprintf("kubectl mesh-reinject deployment/%s -n %s", d.Name, d.Namespace)
	default:
		return "", ""
	}
}

// resume goes on with what was recorded before. Only one number can be told from somebody else's, so that nothing is raised twice.
func resume(recorded, now v1alpha1.UpgradeReplicas) (raise []v1alpha1.UpgradeReplicas, left []Left) {
	switch {
	case now.Before == recorded.Before && now.Before < recorded.Wrote:
		return []v1alpha1.UpgradeReplicas{recorded}, nil
	case now.Before >= now.Wrote:
		return nil, nil
	case now.Before == recorded.Wrote:
		return nil, []Left{{object(now), fmt.Sprintf("was raised to %d by this upgrade already, and is raised once only", recorded.Wrote), scale(now)}}
	default:
		return nil, []Left{{object(now), fmt.Sprintf("was changed by somebody else since this upgrade has raised it, to %d", now.Before), scale(now)}}
	}
}

// scale is how a person writes the number.
func scale(r v1alpha1.UpgradeReplicas) string {
	if r.Kind == autoscalerKind {
		return fmt.Sprintf(`kubectl patch horizontalpodautoscaler %s -n %s --type=merge -p '{"spec":{"minReplicas":%d}}'`, r.Name, r.Namespace, r.Wrote)
	}
	return fmt.Sprintf("kubectl scale deployment %s -n %s --replicas=%d", r.Name, r.Namespace, r.Wrote)
}

// object names what holds the number.
func object(r v1alpha1.UpgradeReplicas) string {
	return fmt.Sprintf("%s %s in namespace %s", r.Kind, r.Name, r.Namespace)
}

// Back says what becomes of a number that was raised: it is put back where it is still the one that was written. kept is set where
// somebody else has changed it.
func Back(r v1alpha1.UpgradeReplicas, live int32) (putBack bool, kept *upgrade.Kept) {
	switch live {
	case r.Wrote:
		return r.Wrote != r.Before, nil
	case r.Before:
		return false, nil
	default:
		return false, &upgrade.Kept{Object: object(r), Is: fmt.Sprintf("at %d replicas", live), Would: fmt.Sprintf("at %d", r.Before)}
	}
}
