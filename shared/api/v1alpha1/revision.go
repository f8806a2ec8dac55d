package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RevisionReportKind is the kind of a RevisionReport.
const RevisionReportKind = "RevisionReport"

// RevisionReport says which revisions are installed, and from which to which one may move.
type RevisionReport struct {
	metav1.TypeMeta `json:",inline"`
	Items           []InstalledRevision `json:"items"`
}

// InstalledRevision is a control plane that has an injector of its own.
type InstalledRevision struct {
	Revision string `json:"revision"`
	// Version is that of its istiod, empty where it is unknown.
	Version string `json:"version"`
	// Namespace is Istio's, empty where the control plane is called by URL.
	Namespace string `json:"namespace"`
	// Ready and Replicas count the replicas of its istiod; absent where no Deployment of it can be seen.
	Ready    *int `json:"ready,omitempty"`
	Replicas *int `json:"replicas,omitempty"`
	// CreatedAt is when its istiod's Deployment was created, or its injector where there is none.
	CreatedAt metav1.Time `json:"createdAt"`
	// Tags are the revision tags that point to it.
	Tags []string `json:"tags"`
	// Namespaces counts those whose pods it would inject, Pods those that run its proxies; absent where they may not all be read.
	Namespaces *int `json:"namespaces,omitempty"`
	Pods       *int `json:"pods,omitempty"`
	// ProxyImage is the image that it injects by default, empty where that is unknown.
	ProxyImage string `json:"proxyImage"`
	// Moves are all other revisions of its mesh, and whether one may move there.
	Moves []RevisionMove `json:"moves"`
}

// RevisionMove says whether one may move to a revision.
type RevisionMove struct {
	To        string `json:"to"`
	ToVersion string `json:"toVersion"`
	Allowed   bool   `json:"allowed"`
	// Reason says in words what kind of step it is, or why it is not allowed.
	Reason string `json:"reason"`
}

// NewRevisionReport returns a report of the items.
func NewRevisionReport(items []InstalledRevision) *RevisionReport {
	if items == nil {
		items = []InstalledRevision{}
	}
	return &RevisionReport{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: RevisionReportKind}, Items: items}
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Reports are never changed once made.
func (r *RevisionReport) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}
