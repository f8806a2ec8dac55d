// Package status judges a pod: what its proxy is against what injection would add today.
package status

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Verdict is what there is to say about one pod.
type Verdict struct {
	Status v1alpha1.Status
	// Reason says in words how the pod comes to what is expected of it, and what differs.
	Reason   string
	Proxy    *v1alpha1.Proxy
	Expected v1alpha1.Expected
	// Owner is the control plane that the decision came to, its zero value where it came to none.
	Owner revision.ControlPlane
	// Dangling is true where a label names a revision or tag that does not exist.
	Dangling bool
	// ByNamespace is true where that is the namespace's own istio.io/rev.
	ByNamespace bool
}

// Judge compares the proxy that a pod runs with what the decision says it would get now. installed says whether a
// revision still has an injector.
func Judge(pod proxy.Pod, d injection.Decision, installed func(revision string) bool) Verdict {
	v := Verdict{Reason: d.Reason, Owner: d.Owner, Dangling: d.Dangling, ByNamespace: d.ByNamespace}
	running := describe(pod, &v)
	want := expect(d, &v)
	switch {
	case d.Outcome == injection.Unknown || d.Outcome == injection.Refused:
		v.Status = v1alpha1.Unknown
	case want != nil && v.Proxy == nil:
		v.Status = v1alpha1.Missing
	case v.Proxy != nil && v.Proxy.Revision != "" && !installed(v.Proxy.Revision):
		v.Status = v1alpha1.Orphaned
		v.add("revision %s has no injector any more", v.Proxy.Revision)
	case want == nil && v.Proxy == nil:
		v.Status = v1alpha1.None
	case want == nil:
		v.Status = v1alpha1.Unexpected
	default:
		v.compare(running, *want, d)
	}
	if pod.Terminating {
		v.add("the pod is terminating")
	}
	return v
}

func (v *Verdict) add(format string, args ...any) { v.Reason += "; " + fmt.Sprintf(format, args...) }

// describe fills in the proxy that runs, and returns its image.
func describe(pod proxy.Pod, v *Verdict) proxy.Image {
	if !pod.HasProxy() {
		return proxy.Image{}
	}
	image, err := proxy.ParseImage(pod.Container.Image)
	v.Proxy = &v1alpha1.Proxy{
		Image:    pod.Container.Image,
		Version:  image.Version().Text,
		Revision: pod.Revision(),
		Native:   pod.Container.Native,
	}
	if err != nil {
		v.add("it runs an image that is no reference: %v", err)
	}
	return image
}

// expect fills in what is expected, and returns the image that is, nil where no proxy is.
func expect(d injection.Decision, v *Verdict) *proxy.Image {
	if d.Outcome != injection.Injected && d.Outcome != injection.Templated {
		return nil
	}
	v.Expected = v1alpha1.Expected{Injected: d.Outcome == injection.Injected, Revision: d.Owner.Revision, Tag: d.Tag, Image: d.Image}
	if d.Image == "" {
		v.add("the injected template adds no proxy")
		return nil
	}
	image, err := proxy.ParseImage(d.Image)
	if err != nil {
		v.add("injection would set an image that is no reference: %v", err)
	}
	v.Expected.Version = image.Version().Text
	return &image
}

// compare tells apart the statuses of a pod that has a proxy and should have one.
func (v *Verdict) compare(running, want proxy.Image, d injection.Decision) {
	sameImage := running.Same(want)
	sameRevision := v.Proxy.Revision == "" || v.Proxy.Revision == d.Owner.Revision
	if sameImage && sameRevision {
		v.Status = v1alpha1.Current
		return
	}
	order, comparable := running.Version().Compare(want.Version())
	switch {
	case !comparable && !sameImage:
		v.Status = v1alpha1.Mismatched
		v.add("%s and %s cannot be ordered", running.Ref, want.Ref)
	case order < 0:
		v.Status = v1alpha1.Outdated
	case order > 0:
		v.Status = v1alpha1.Ahead
	default:
		v.Status = v1alpha1.Mismatched
		v.explain(running, want, d, sameRevision)
	}
}

// explain names what differs between two proxies of one version.
func (v *Verdict) explain(running, want proxy.Image, d injection.Decision, sameRevision bool) {
	if !sameRevision {
		v.add("revision %s, not %s", v.Proxy.Revision, d.Owner.Revision)
	}
	switch a, b := running.Version().Variant, want.Version().Variant; {
	case running.Same(want):
	case running.Repository != want.Repository:
		v.add("image %s, not %s", running.Repository, want.Repository)
	case a != b:
		v.add("variant %s, not %s", orDefault(a), orDefault(b))
	default:
		v.add("image %s, not %s", running.Ref, want.Ref)
	}
}

func orDefault(variant string) string {
	if variant == "" {
		return "default"
	}
	return variant
}
