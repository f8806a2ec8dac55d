// Package restart replaces the pods of workloads as a plan says, in waves and with gates, and proves by the pods themselves
// that it worked.
package restart

import (
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// EventKind says what an Event tells.
type EventKind int

// The kinds of events, in the order in which they can come.
const (
	// RunBegan: Total workloads have their turn from now on.
	RunBegan EventKind = iota
	// WaveBegan: the wave of the number in Wave.
	WaveBegan
	// WorkloadBegan: Item has its turn.
	WorkloadBegan
	// WorkloadChanged: Item is under way, and Progress says how far.
	WorkloadChanged
	// WorkloadEnded: Result says how. It also comes for what never had its turn.
	WorkloadEnded
	// Waiting: nothing is begun for the reason in Text, such as a pause between namespaces, until Until.
	Waiting
	// Stopping: no more is begun, for the reason in Text; what is under way is awaited.
	Stopping
	// Warned: Text is to be known, and changes nothing.
	Warned
)

// Event is something that happens in a run.
type Event struct {
	Kind EventKind
	Time time.Time
	// Item is the workload that the event is about, nil where it is about the run.
	Item *v1alpha1.RestartItem
	// Progress is set for WorkloadChanged.
	Progress Progress
	// Result is set for WorkloadEnded.
	Result *v1alpha1.RestartResult
	// Wave is set for WaveBegan, Until for Waiting; Text for the kinds that say so. Total counts the workloads of a run for
	// RunBegan, and for Stopping those that are awaited.
	Wave, Total int
	Text        string
	Until       time.Time
}

// Progress is how far one workload is.
type Progress struct {
	// Done counts the pods that are ready and run what is expected, Total those that there should be.
	Done, Total int
	// Stuck says what it waits for, in words: a pod that does not become ready and why, a budget that allows nothing.
	// Empty where it simply takes its time.
	Stuck string
}
