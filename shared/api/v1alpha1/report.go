// Package v1alpha1 holds the objects that the plugins print for machines. Users script against them: fields are added,
// never renamed.
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// APIVersion is the group and version of every object in this package.
const APIVersion = "mesh.kubectl.dev/v1alpha1"

// ProxyReportKind is the kind of a ProxyReport.
const ProxyReportKind = "ProxyReport"

// Status compares the proxy that a pod runs with the one that it would get if it were created now.
type Status string

// The statuses of a pod. Where several fit, the first of this order holds.
const (
	// Unknown: what injection would do cannot be told; the reason says what is missing.
	Unknown Status = "unknown"
	// Missing: injection would add a proxy, the pod has none.
	Missing Status = "missing"
	// Orphaned: no injector bears the proxy's revision any more.
	Orphaned Status = "orphaned"
	// Unexpected: the pod has a proxy, injection would add none today.
	Unexpected Status = "unexpected"
	// Outdated: the proxy's version is lower than what would be injected.
	Outdated Status = "outdated"
	// Ahead: the proxy's version is higher than what would be injected.
	Ahead Status = "ahead"
	// Mismatched: image, variant, digest or revision differ at the same version, or at versions that do not compare.
	Mismatched Status = "mismatched"
	// Current: the proxy is what injection would add today.
	Current Status = "current"
	// None: no proxy, and none expected.
	None Status = "none"
)

// Statuses lists every status in order of precedence.
func Statuses() []Status {
	return []Status{Unknown, Missing, Orphaned, Unexpected, Outdated, Ahead, Mismatched, Current, None}
}

// ProxyReport says for every pod which proxy it runs and which it would get if it were created now.
type ProxyReport struct {
	metav1.TypeMeta `json:",inline"`
	Items           []ProxyItem  `json:"items"`
	Summary         ProxySummary `json:"summary"`
}

// ProxyItem is one pod.
type ProxyItem struct {
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod"`
	Node      string   `json:"node,omitempty"`
	Workload  Workload `json:"workload"`
	Type      string   `json:"type"`
	// Proxy is what the pod runs, absent where it runs none.
	Proxy    *Proxy   `json:"proxy,omitempty"`
	Expected Expected `json:"expected"`
	Status   Status   `json:"status"`
	Reason   string   `json:"reason"`
	Ready    bool     `json:"ready"`
	Phase    string   `json:"phase"`
	// Verified is what the real injector answered, absent where it was not asked.
	Verified *Verified `json:"verified,omitempty"`
}

// Verified is what the real injector answered to a dry run.
type Verified struct {
	// Agrees says whether that is what was expected of the pod; absent where nothing was, and where the answer is a refusal.
	// The answer is that to the workload's template as it is now, and the pod may be of an older one.
	Agrees   *bool  `json:"agrees,omitempty"`
	Injected bool   `json:"injected"`
	Image    string `json:"image,omitempty"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"`
	// Refused says why the API server would not create the pod, or why it could not be asked; nothing is verified then.
	Refused string `json:"refused,omitempty"`
}

// Workload is what a pod belongs to: the highest controller that can be restarted, or the pod itself.
type Workload struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Proxy is the proxy in a pod.
type Proxy struct {
	Image string `json:"image"`
	// Version is the image's tag without its variant, empty for an image without a tag.
	Version string `json:"version"`
	// Revision is that of the control plane that the proxy was injected by, empty where the pod does not say.
	Revision string `json:"revision"`
	// Native is true for a sidecar among the init containers.
	Native bool `json:"native"`
}

// Expected is what the pod would get if it were created now.
type Expected struct {
	Injected bool   `json:"injected"`
	Image    string `json:"image,omitempty"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"`
	// Tag is the revision tag by which the pod comes to the revision, empty where it names the revision itself.
	Tag string `json:"tag,omitempty"`
}

// ProxySummary counts the pods of a report.
type ProxySummary struct {
	Pods     int            `json:"pods"`
	ByStatus map[Status]int `json:"byStatus"`
	// ByVersion and ByRevision count the pods that run a proxy, by its version and its revision.
	ByVersion  map[string]int `json:"byVersion"`
	ByRevision map[string]int `json:"byRevision"`
}

// NewProxySummary returns the summary of no pods.
func NewProxySummary() ProxySummary {
	return ProxySummary{ByStatus: map[Status]int{}, ByVersion: map[string]int{}, ByRevision: map[string]int{}}
}

// Add counts one pod more.
func (s *ProxySummary) Add(item ProxyItem) {
	s.Pods++
	s.ByStatus[item.Status]++
	if item.Proxy != nil {
		s.ByVersion[item.Proxy.Version]++
		s.ByRevision[item.Proxy.Revision]++
	}
}

// NewProxyReport returns a report of the items with their summary.
func NewProxyReport(items []ProxyItem) *ProxyReport {
	summary := NewProxySummary()
	for _, item := range items {
		summary.Add(item)
	}
	if items == nil {
		items = []ProxyItem{}
	}
	return &ProxyReport{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: ProxyReportKind},
		Items:    items,
		Summary:  summary,
	}
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Reports are never changed once made.
func (r *ProxyReport) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}
