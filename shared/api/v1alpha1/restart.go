package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The kinds of the objects that mesh-reinject prints.
const (
	RestartPlanKind   = "RestartPlan"
	RestartReportKind = "RestartReport"
)

// Action is what is to be done with a workload.
type Action string

// The actions of a plan.
const (
	// Restart: its pods are replaced, by the item's method.
	Restart Action = "restart"
	// Await: it is being rolled out already, to what injection would give it today; that is waited for and proven.
	Await Action = "await"
	// PutBack: an earlier run that died left it, or its HPA, at two replicas; that is undone.
	PutBack Action = "put-back"
	// Skip: it is left alone; the item's reason says why, its command what would do it.
	Skip Action = "skip"
)

// Method is how a workload's pods are replaced.
type Method string

// The methods by which pods are replaced.
const (
	// ByRestart: the annotation kubectl.kubernetes.io/restartedAt of the pod template is set.
	ByRestart Method = "restart"
	// ByGracePeriod: terminationGracePeriodSeconds of the pod template is raised by a little.
	ByGracePeriod Method = "grace-period"
	// ByEviction: pods are evicted one at a time, each once the one before is replaced.
	ByEviction Method = "evict"
	// ByRestartAt: spec.restartAt of an Argo Rollout is set.
	ByRestartAt Method = "restart-at"
	// ByRecreation: a bare pod is deleted and created again.
	ByRecreation Method = "recreate"
)

// Outcome is what became of a workload.
type Outcome string

// The outcomes of a run.
const (
	// Restarted: its pods were replaced; all are ready and run what was expected.
	Restarted Outcome = "restarted"
	// Awaited: its pods were being replaced already; all are ready and run what was expected.
	Awaited Outcome = "awaited"
	// ReplicasPutBack: what an earlier run had changed is as it was.
	ReplicasPutBack Outcome = "put-back"
	// Unchanged: the injector gives what already runs, so that it was not restarted.
	Unchanged Outcome = "unchanged"
	// StillOld: its pods were replaced and are ready, and do not run what was expected.
	StillOld Outcome = "still-old"
	// Refused: the API server would not create its pods, so that it was not restarted.
	Refused Outcome = "refused"
	// Failed: it cannot become ready, for the cause in the message.
	Failed Outcome = "failed"
	// TimedOut: it did not become ready within the time allowed for a workload.
	TimedOut Outcome = "timed-out"
	// Gone: it was deleted meanwhile.
	Gone Outcome = "gone"
	// Skipped: the plan left it alone.
	Skipped Outcome = "skipped"
	// NotStarted: the run ended before its turn.
	NotStarted Outcome = "not-started"
	// Interrupted: the run ended while it was under way.
	Interrupted Outcome = "interrupted"
	// Started: it was told to replace its pods, and nobody waited for it.
	Started Outcome = "started"
)

// Outcomes lists every outcome, those that are well first.
func Outcomes() []Outcome {
	return []Outcome{Restarted, Awaited, ReplicasPutBack, Started, Unchanged, Gone, Skipped, NotStarted, StillOld, Refused, Failed, TimedOut, Interrupted}
}

// RestartPlan says for every workload what is to be done and why, in the order in which it would be.
type RestartPlan struct {
	metav1.TypeMeta `json:",inline"`
	Items           []RestartItem      `json:"items"`
	Summary         RestartPlanSummary `json:"summary"`
}

// RestartItem is one workload of a plan.
type RestartItem struct {
	Namespace string   `json:"namespace"`
	Workload  Workload `json:"workload"`
	Action    Action   `json:"action"`
	// Method is absent where nothing is replaced.
	Method Method `json:"method,omitempty"`
	// Wave counts from 1: a wave begins once the one before it has ended. 0 for what is skipped.
	Wave int `json:"wave"`
	// Pods are those that it has, Stale those of them that are the reason for doing something.
	Pods  int `json:"pods"`
	Stale int `json:"stale"`
	// ByStatus counts its pods by their status.
	ByStatus map[Status]int `json:"byStatus"`
	// From is what its pods run, most frequent first, an item for each version and revision.
	From []RunningProxy `json:"from"`
	// To is what they would get; absent where that is no proxy, or cannot be told.
	To *RunningProxy `json:"to,omitempty"`
	// Reason says in words why it is restarted, or why not.
	Reason string `json:"reason"`
	// Command is what to type to have it done all the same; absent where there is nothing to type.
	Command string `json:"command,omitempty"`
	// GracePeriod is absent with other methods.
	GracePeriod *GracePeriod `json:"gracePeriod,omitempty"`
	// Unavailable is how many of its pods may be unavailable at once while they are replaced.
	Unavailable int `json:"unavailable"`
	// Surge says that it runs at two replicas meanwhile.
	Surge bool `json:"surge,omitempty"`
	// Warnings are what to know before it is done.
	Warnings []string `json:"warnings,omitempty"`
}

// RunningProxy is a proxy as far as two of them are told apart.
type RunningProxy struct {
	Image    string `json:"image"`
	Version  string `json:"version"`
	Revision string `json:"revision"`
	// Pods counts those that run it; absent where it is what they would get.
	Pods int `json:"pods,omitempty"`
}

// GracePeriod is in seconds what the user has set, and what is set in its place.
type GracePeriod struct {
	Own int64 `json:"own"`
	Set int64 `json:"set"`
}

// RestartPlanSummary counts what a plan does.
type RestartPlanSummary struct {
	// Workloads and Pods are those whose pods are replaced, Namespaces those they are in.
	Workloads  int `json:"workloads"`
	Pods       int `json:"pods"`
	Namespaces int `json:"namespaces"`
	Waves      int `json:"waves"`
	Skipped    int `json:"skipped"`
	// EstimatedSeconds is how long it may take, going by how long the pods took to become ready the last time.
	EstimatedSeconds int64 `json:"estimatedSeconds"`
}

// RestartReport says what was done and seen.
type RestartReport struct {
	metav1.TypeMeta `json:",inline"`
	StartedAt       metav1.Time          `json:"startedAt"`
	FinishedAt      metav1.Time          `json:"finishedAt"`
	Items           []RestartResult      `json:"items"`
	Probes          []ProbeResult        `json:"probes,omitempty"`
	Summary         RestartReportSummary `json:"summary"`
}

// RestartResult is what became of one workload.
type RestartResult struct {
	RestartItem `json:",inline"`
	Outcome     Outcome `json:"outcome"`
	// Message is the cause where it did not go well, or what else is to be said.
	Message string `json:"message,omitempty"`
	// Replaced counts the pods in whose place new ones came, at most Pods.
	Replaced int `json:"replaced"`
	// StartedAt and Seconds are absent where nothing was begun.
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	Seconds   float64      `json:"seconds,omitempty"`
}

// RestartReportSummary counts what was done.
type RestartReportSummary struct {
	Workloads     int             `json:"workloads"`
	ByOutcome     map[Outcome]int `json:"byOutcome"`
	Replaced      int             `json:"replaced"`
	Seconds       float64         `json:"seconds"`
	PodsPerMinute float64         `json:"podsPerMinute"`
	// StillStale counts the workloads that still have a pod that is the reason for restarting it.
	StillStale int `json:"stillStale"`
	// Stopped says why no more was begun; absent where all was.
	Stopped string `json:"stopped,omitempty"`
}

// ProbeResult is what requests to one URL met.
type ProbeResult struct {
	URL      string `json:"url"`
	Requests int    `json:"requests"`
	// ByCode counts the answers by their status code, and under "error" the requests that got none.
	ByCode map[string]int `json:"byCode"`
	// Errors are requests without an answer, or with one of 400 or more.
	Errors    int     `json:"errors"`
	ErrorRate float64 `json:"errorRate"`
	// LongestGapSeconds is the longest time that errors lasted: from the last request before them that went well, or the
	// first of all, to the first one after them, or the last of all.
	LongestGapSeconds float64 `json:"longestGapSeconds"`
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Plans are never changed once made.
func (p *RestartPlan) DeepCopyObject() runtime.Object {
	c := *p
	return &c
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Reports are never changed once made.
func (r *RestartReport) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}
