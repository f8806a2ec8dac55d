package restartplan

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/status"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func ptr[T any](v T) *T { return &v }

// ref reads "group/Kind/name".
func ref(id string) workload.Ref {
	part := strings.Split(id, "/")
	return workload.Ref{Group: part[0], Kind: part[1], Name: part[2]}
}

// shop is the key of the workload "group/Kind/name" in namespace shop.
func shop(id string) podtemplate.Workload {
	return podtemplate.Workload{Namespace: "shop", Ref: ref(id)}
}

func proxyOf(version, rev string) *v1alpha1.Proxy {
	return &v1alpha1.Proxy{Image: "docker.io/istio/proxyv2:" + version, Version: version, Revision: rev}
}

// item is what a scan says of the pod "namespace/name" that "group/Kind/name" controls, "" for nothing: it runs 1.22.0 and would get 1.23.0.
func item(pod, controller string, s v1alpha1.Status, changes ...func(*scan.Item)) scan.Item {
	p := fixture.Pod(pod)
	p.UID = types.UID("uid-" + pod)
	if controller != "" {
		r := ref(controller)
		fixture.ControlledBy(strings.TrimPrefix(r.Group+"/v1", "/"), r.Kind, r.Name)(p)
		p.OwnerReferences[0].UID = types.UID("uid-" + r.Name)
	}
	i := scan.Item{Pod: proxy.FromPod(p), Verdict: status.Verdict{Status: s, Reason: "because " + string(s), Proxy: proxyOf("1.22.0", "1-22"),
		Expected: v1alpha1.Expected{Injected: true, Image: "docker.io/istio/proxyv2:1.23.0", Version: "1.23.0", Revision: "1-23"}}}
	switch s {
	case v1alpha1.Missing:
		i.Verdict.Proxy = nil
	case v1alpha1.Unexpected, v1alpha1.None, v1alpha1.Unknown:
		i.Verdict.Expected = v1alpha1.Expected{}
	}
	i.Pod.Ready, i.Pod.Created = true, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	i.Pod.ReadySince = i.Pod.Created.Add(4 * time.Second)
	i.Chain = (&workload.Owners{}).Of(i.Pod)
	for _, change := range changes {
		change(&i)
	}
	return i
}

func dangling(i *scan.Item)     { i.Verdict.Dangling = true }
func noneExpected(i *scan.Item) { i.Verdict.Expected = v1alpha1.Expected{} }
func goes(i *scan.Item)         { i.Pod.Terminating = true }
func onlyOnce(i *scan.Item)     { i.Pod.RestartPolicy = corev1.RestartPolicyNever }
func hash(h string) func(*scan.Item) {
	return func(i *scan.Item) { i.Pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: h} }
}

// known adds a workload to the input, as it is read from an object, and returns it.
func (in *Input) known(object runtime.Object, changes ...func(*rollout.Workload)) *rollout.Workload {
	w, _ := rollout.Of(object)
	w.Namespace, w.UID = "shop", types.UID("uid-"+w.Ref.Name)
	for _, change := range changes {
		change(w)
	}
	if in.Workloads == nil {
		in.Workloads = map[podtemplate.Workload]*rollout.Workload{}
	}
	in.Workloads[podtemplate.Workload{Namespace: w.Namespace, Ref: w.Ref}] = w
	return w
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &replicas}}
	d.Name, d.Generation, d.Status.ObservedGeneration = name, 1, 1
	return d
}

// rolled is a workload's state once its newest template's pods are there.
func (in *Input) rolled(w *rollout.Workload) {
	if w.Ref.Kind == "Deployment" {
		w.Status.TemplateRevision, w.Status.Updated = "1", w.Replicas
	}
	in.Sets = append(in.Sets, rollout.Set{UID: "uid-" + types.UID(w.Ref.Name), Owner: w.UID, Label: "1", TemplateKey: w.TemplateKey, GracePeriod: 30})
}

// auto are the options that the command has by default.
func auto() Options { return Options{Method: Auto, Order: ByNamespace, MaxParallel: 10} }
