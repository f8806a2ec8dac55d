// Package pacing holds the flags that say how workloads are restarted: which methods, at which pace, behind which gates. Every command
// that restarts workloads has them.
package pacing

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/shared/probe"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

// Flags are what the command line says about restarting.
type Flags struct {
	Method            string
	AllowDowntime     bool
	Partitioned       bool
	Unknown           bool
	BarePods          string
	Surge             bool
	Order             string
	Canary            int
	MaxParallel       int
	MaxUnavailable    int
	PodsPerMinute     int
	Pause             time.Duration
	WorkloadTimeout   time.Duration
	OnFailure         string
	Probes            []string
	ProbeInterval     time.Duration
	ProbeMaxErrorRate string
	Reports           []string
}

// The values of flags that are words.
const (
	skip, recreate = "skip", "recreate"
	halt, goOn     = "stop", "continue"
)

const (
	defaultParallel        = 10
	defaultWorkloadTimeout = 10 * time.Minute
)

// New returns flags with their defaults.
func New() *Flags {
	return &Flags{
		Method: string(restartplan.Auto), BarePods: skip, Order: string(restartplan.ByNamespace), MaxParallel: defaultParallel,
		WorkloadTimeout: defaultWorkloadTimeout, OnFailure: halt, ProbeInterval: probe.DefaultInterval,
	}
}

// Add adds the flags to the set.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.StringVar(&f.Method, "method", f.Method,
		"How workloads are restarted, a `method`: auto takes what fits each; restart and grace-period change the pod template; evict evicts pods one at a time. A named workload that cannot take it is an error; others are skipped.")
	flags.BoolVar(&f.AllowDowntime, "allow-downtime", f.AllowDowntime,
		"Restart Deployments with strategy Recreate too, all of whose pods are down at once.")
	flags.BoolVar(&f.Partitioned, "include-partitioned", f.Partitioned,
		"Evict the pods that a StatefulSet's partition holds back.")
	flags.BoolVar(&f.Unknown, "include-unknown", f.Unknown,
		"Evict pods of controllers of kinds that are not known here.")
	flags.StringVar(&f.BarePods, "bare-pods", f.BarePods,
		"Skip pods that no controller would create again, or delete them and create them again: `skip|recreate`. That is tried by a dry run first, and the manifest is kept in a file meanwhile.")
	flags.BoolVar(&f.Surge, "surge-singletons", f.Surge,
		"Have Deployments of one replica run at two while they restart, through their HorizontalPodAutoscaler where they have one.")
	flags.StringVar(&f.Order, "order", f.Order,
		"The order of the workloads: `namespaces|size|name`; size begins with those of the fewest pods.")
	flags.IntVar(&f.Canary, "canary", f.Canary,
		"Restart this `number` of workloads first, and go on only if all of them went well.")
	flags.IntVar(&f.MaxParallel, "max-parallel", f.MaxParallel,
		"Restart no more than this `number` of workloads at once.")
	flags.IntVar(&f.MaxUnavailable, "max-unavailable-pods", f.MaxUnavailable,
		"Have no more than this `number` of pods unavailable at once, of all workloads together; 0 is no limit but the workloads' own.")
	flags.IntVar(&f.PodsPerMinute, "pods-per-minute", f.PodsPerMinute,
		"Begin no more than this `number` of pods a minute; 0 is no limit.")
	flags.DurationVar(&f.Pause, "pause", f.Pause,
		"Wait this `duration` between namespaces.")
	flags.DurationVar(&f.WorkloadTimeout, "workload-timeout", f.WorkloadTimeout,
		"Take a workload that is not done after this `duration` for failed.")
	flags.StringVar(&f.OnFailure, "on-failure", f.OnFailure,
		"What to do when a workload fails: `stop|continue`; stop begins no others, and awaits those under way.")
	flags.StringArrayVar(&f.Probes, "probe", f.Probes,
		"Request this `URL` throughout and report what it answered; may be given more than once.")
	flags.DurationVar(&f.ProbeInterval, "probe-interval", f.ProbeInterval,
		"Request each --probe URL anew after this `duration`.")
	flags.StringVar(&f.ProbeMaxErrorRate, "probe-max-error-rate", f.ProbeMaxErrorRate,
		"Stop as on a failure when more than this `share` of a probe's requests fail, such as 1% or 0.01.")
	flags.StringArrayVar(&f.Reports, "report", f.Reports,
		"Write what was done and seen to this `file`, which ends in .json or .md; may be given more than once.")
}

// Completed returns what a shell may offer for the values of the flags.
func Completed() completion.Flags {
	flags := completion.Flags{"probe": completion.None, "probe-max-error-rate": completion.None, "report": completion.Files("json", "md")}
	for flag, allowed := range words() {
		flags[flag] = completion.Words(allowed...)
	}
	return flags
}
