package restart

import (
	"time"

	"k8s.io/client-go/kubernetes"
)

// Options says at which pace to restart, and what ends a run.
type Options struct {
	// MaxParallel is how many workloads are under way at once, at least 1. MaxUnavailablePods is how many pods of all of them may
	// be unavailable at once, PodsPerMinute how many are begun in a minute; 0 for no limit.
	MaxParallel, MaxUnavailablePods, PodsPerMinute int
	// Pause is waited between namespaces.
	Pause time.Duration
	// Canary is how many workloads come first: if one of them does not go well, no other is begun in any case.
	Canary int
	// WorkloadTimeout is how long one workload may take.
	WorkloadTimeout time.Duration
	// GoOn begins further workloads although one has failed.
	GoOn bool
	// NoWait has a run end once every workload has been told, without waiting for its pods.
	NoWait bool
	// Chunk is the page size of lists.
	Chunk int64
	// ManifestDir is where manifests of bare pods are kept while these do not exist.
	ManifestDir string
	// Stop has a run begin no more, for the reason that comes; nil for never.
	Stop <-chan string
	// Abort has a run end at once when it is closed; nil for never.
	Abort <-chan struct{}
	// Observe is told what happens, one call at a time; nil for nobody.
	Observe func(Event)
}

// parallelQuestions is how many dry runs are in flight at most: each of them keeps an istiod busy.
const parallelQuestions = 8

// kube is what the tasks need of a cluster.
type kube = kubernetes.Interface
