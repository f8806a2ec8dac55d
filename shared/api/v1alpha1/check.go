package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CheckReportKind is the kind of a CheckReport.
const CheckReportKind = "CheckReport"

// Severity says how much a finding matters.
type Severity string

// The severities of findings.
const (
	// Blocking: the upgrade must not begin before this is put right.
	Blocking Severity = "error"
	// Warning: the upgrade can begin, and something may go wrong or be left undone.
	Warning Severity = "warning"
	// Info: to be known before.
	Info Severity = "info"
)

// Severities lists every severity, the worst first.
func Severities() []Severity { return []Severity{Blocking, Warning, Info} }

// Category groups findings by what they are about.
type Category string

// The categories of findings.
const (
	// AboutControlPlane: whether the target is installed, ready, serving, and of the same trust.
	AboutControlPlane Category = "control-plane"
	// AboutVersion: whether its version may follow.
	AboutVersion Category = "version"
	// AboutConfiguration: what differs between the two revisions' settings.
	AboutConfiguration Category = "configuration"
	// AboutLabels: labels that contradict one another, name nothing, or name a revision of their own.
	AboutLabels Category = "labels"
	// AboutGateways: gateways that istiod re-rolls at once.
	AboutGateways Category = "gateways"
	// AboutEnvoyFilters: EnvoyFilters that stop or start to match.
	AboutEnvoyFilters Category = "envoy-filters"
	// AboutRetries: routes on which retries are switched off.
	AboutRetries Category = "retries"
	// AboutRestarts: workloads that cannot be restarted cleanly.
	AboutRestarts Category = "restarts"
	// AboutGitOps: namespaces whose labels would be put back.
	AboutGitOps Category = "gitops"
	// Unchecked: what could not be read, and so was not checked.
	Unchecked Category = "unchecked"
)

// Categories lists every category in the order in which they are told.
func Categories() []Category {
	return []Category{
		AboutControlPlane, AboutVersion, AboutConfiguration, AboutLabels, AboutGateways, AboutEnvoyFilters, AboutRetries,
		AboutRestarts, AboutGitOps, Unchecked,
	}
}

// CheckReport says what stands in the way of moving from one revision to another.
type CheckReport struct {
	metav1.TypeMeta `json:",inline"`
	From            CheckedRevision `json:"from"`
	To              CheckedRevision `json:"to"`
	Items           []Finding       `json:"items"`
	Summary         CheckSummary    `json:"summary"`
}

// CheckedRevision is one end of the move.
type CheckedRevision struct {
	Revision string `json:"revision"`
	// Version is empty where it is unknown.
	Version string `json:"version"`
	// Namespace is Istio's, empty where the revision is not installed, or is called by URL.
	Namespace string `json:"namespace"`
}

// Finding is one thing to know before an upgrade.
type Finding struct {
	Category Category `json:"category"`
	// Check names the rule that found it, for scripts: `one-replica`.
	Check    string        `json:"check"`
	Severity Severity      `json:"severity"`
	Object   CheckedObject `json:"object"`
	// Message says in words what was found.
	Message string `json:"message"`
	// Remedy is a command to type, or a sentence.
	Remedy string `json:"remedy"`
}

// CheckedObject is what a finding is about.
type CheckedObject struct {
	Kind string `json:"kind"`
	// Namespace is empty for what is in none.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// CheckSummary counts the findings of a report.
type CheckSummary struct {
	Findings   int              `json:"findings"`
	BySeverity map[Severity]int `json:"bySeverity"`
	ByCategory map[Category]int `json:"byCategory"`
}

// NewCheckReport returns a report of the findings with their summary.
func NewCheckReport(from, to CheckedRevision, findings []Finding) *CheckReport {
	if findings == nil {
		findings = []Finding{}
	}
	summary := CheckSummary{Findings: len(findings), BySeverity: map[Severity]int{}, ByCategory: map[Category]int{}}
	for _, f := range findings {
		summary.BySeverity[f.Severity]++
		summary.ByCategory[f.Category]++
	}
	return &CheckReport{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: CheckReportKind}, From: from, To: to, Items: findings, Summary: summary,
	}
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Reports are never changed once made.
func (r *CheckReport) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}
