// Package controlplane tells what is installed: each revision's istiod, its version and how it fares, who follows it, and from
// which revision to which one may move.
package controlplane

import (
	"cmp"
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// IstiodSelector finds the control planes' Deployments and their pods, whatever their revision: see RevisionOf. Source: the chart
// istio-discovery, and istio-pilot before 1.6.
const IstiodSelector = "app in (istiod, pilot)"

// discoveryContainer is istiod's own in its pods. Source: the chart istio-discovery.
const discoveryContainer = "discovery"

// versionLabels are where charts and operators put the version of what they installed, the better one first.
var versionLabels = []string{"app.kubernetes.io/version", "operator.istio.io/version"}

// Deployment is what there is to know of a control plane's Deployment.
type Deployment struct {
	Name string
	// Version is the discovery image's tag or, where that is no version, what a label says; empty where neither tells.
	Version string
	// Replicas are those that there should be, Ready those that are, Updated those of the newest template.
	Replicas, Ready, Updated int
	// Observed is false until its controller has seen its newest spec.
	Observed bool
	Created  time.Time
}

// Deployments are the control planes' by whose they are.
type Deployments map[revision.ControlPlane]Deployment

// DeploymentsOf tells whose each Deployment is, and what there is to know of it. Where a control plane has several, the first by
// name counts.
func DeploymentsOf(list []appsv1.Deployment) Deployments {
	slices.SortFunc(list, func(a, b appsv1.Deployment) int { return cmp.Compare(a.Name, b.Name) })
	found := Deployments{}
	for i := range list {
		d := &list[i]
		owner := revision.ControlPlane{Namespace: d.Namespace, Revision: RevisionOf(d.Labels)}
		if _, known := found[owner]; !known {
			found[owner] = deploymentOf(d)
		}
	}
	return found
}

// RevisionOf returns the revision of a control plane's Deployment, or of a pod of it, by its labels: without one it is the default.
func RevisionOf(labels map[string]string) string {
	return cmp.Or(labels[label.IoIstioRev.Name], revision.Default)
}

func deploymentOf(d *appsv1.Deployment) Deployment {
	replicas := 1
	if d.Spec.Replicas != nil {
		replicas = int(*d.Spec.Replicas)
	}
	return Deployment{
		Name: d.Name, Version: versionOf(d), Replicas: replicas, Ready: int(d.Status.ReadyReplicas),
		Updated: int(d.Status.UpdatedReplicas), Observed: d.Status.ObservedGeneration >= d.Generation, Created: d.CreationTimestamp.Time,
	}
}

// versionOf reads the version from the image, else from a label. What is no version is not taken for one.
func versionOf(d *appsv1.Deployment) string {
	candidates := []string{discoveryTag(d.Spec.Template.Spec.Containers)}
	for _, name := range versionLabels {
		candidates = append(candidates, d.Labels[name])
	}
	for _, tag := range candidates {
		if v := proxy.ParseVersion(tag); isVersion(v) {
			return v.Text
		}
	}
	return ""
}

func isVersion(v proxy.Version) bool {
	_, _, ok := v.Minor()
	return ok
}

func discoveryTag(containers []corev1.Container) string {
	for _, c := range containers {
		if image, err := proxy.ParseImage(c.Image); err == nil && c.Name == discoveryContainer {
			return image.Tag
		}
	}
	return ""
}

// ReadDeployments reads the control planes' Deployments in those namespaces of Istio's, with one list each. What may not be
// listed becomes a gap; the error is for a cluster that cannot be reached or that fails.
func ReadDeployments(ctx context.Context, clients *cluster.Clients, namespaces []string) (Deployments, []cluster.Gap, error) {
	var all []appsv1.Deployment
	var gaps []cluster.Gap
	for _, namespace := range namespaces {
		list, err := clients.Kube.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{LabelSelector: IstiodSelector})
		if err == nil {
			all = append(all, list.Items...)
		}
		gap, err := cluster.Outcome("deployments of istiod in namespace "+namespace, err)
		if err != nil {
			return nil, nil, err
		}
		if gap != nil {
			gap.Namespaces = []string{namespace}
			gaps = append(gaps, *gap)
		}
	}
	return DeploymentsOf(all), gaps, nil
}
