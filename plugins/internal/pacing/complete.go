package pacing

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/probe"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartreport"
)

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (f *Flags) Validate() error {
	for _, check := range []func() error{f.validateWords, f.validateNumbers, f.validateProbes, f.validateReports} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// words are the values of the flags that are words.
func words() map[string][]string {
	return map[string][]string{
		"method":     {string(restartplan.Auto), string(v1alpha1.ByRestart), string(v1alpha1.ByGracePeriod), string(v1alpha1.ByEviction)},
		"bare-pods":  {skip, recreate},
		"order":      {string(restartplan.ByNamespace), string(restartplan.BySize), string(restartplan.ByName)},
		"on-failure": {halt, goOn},
	}
}

func (f *Flags) validateWords() error {
	allowed := words()
	for _, word := range []struct{ flag, value string }{{"method", f.Method}, {"bare-pods", f.BarePods}, {"order", f.Order}, {"on-failure", f.OnFailure}} {
		if !slices.Contains(allowed[word.flag], word.value) {
			return fmt.Errorf("--%s %q: use %s", word.flag, word.value, plugin.OrList(allowed[word.flag]))
		}
	}
	return nil
}

func (f *Flags) validateNumbers() error {
	switch {
	case f.MaxParallel < 1:
		return fmt.Errorf("--max-parallel %d: use 1 or more", f.MaxParallel)
	case f.Canary < 0:
		return fmt.Errorf("--canary %d: use 0 or more", f.Canary)
	case f.MaxUnavailable < 0:
		return fmt.Errorf("--max-unavailable-pods %d: use 0 or more", f.MaxUnavailable)
	case f.PodsPerMinute < 0:
		return fmt.Errorf("--pods-per-minute %d: use 0 or more", f.PodsPerMinute)
	case f.Pause < 0:
		return fmt.Errorf("--pause %s: use 0 or more", f.Pause)
	case f.WorkloadTimeout <= 0:
		return fmt.Errorf("--workload-timeout %s: use more than 0", f.WorkloadTimeout)
	case f.Pause > 0 && f.Order != string(restartplan.ByNamespace):
		return fmt.Errorf("--pause waits between namespaces, and --order %s does not go by them: use either", f.Order)
	case f.Surge && f.Method == string(v1alpha1.ByEviction):
		return errors.New("--surge-singletons changes Deployments, and --method evict does not: use either")
	default:
		return nil
	}
}

func (f *Flags) validateProbes() error {
	if f.ProbeInterval <= 0 {
		return fmt.Errorf("--probe-interval %s: use more than 0", f.ProbeInterval)
	}
	if f.ProbeMaxErrorRate != "" && len(f.Probes) == 0 {
		return errors.New("--probe-max-error-rate is about --probe: name a URL, too")
	}
	if _, err := f.rate(); err != nil {
		return err
	}
	_, err := f.urls()
	return err
}

func (f *Flags) validateReports() error {
	for _, path := range f.Reports {
		if err := restartreport.CheckPath(path); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	return nil
}

func (f *Flags) urls() ([]*url.URL, error) {
	var urls []*url.URL
	for _, text := range f.Probes {
		u, err := probe.ParseURL(text)
		if err != nil {
			return nil, fmt.Errorf("--probe: %w", err)
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// rate reads a share, as a number from 0 to 1 or as a percentage; none is below 0.
func (f *Flags) rate() (float64, error) {
	text := f.ProbeMaxErrorRate
	if text == "" {
		return -1, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	rate, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		rate /= 100
	} else if rate == 1 {
		return 0, fmt.Errorf("--probe-max-error-rate %s is every request: use 1%% or 100%%", text)
	}
	if err != nil || !(rate >= 0 && rate <= 1) {
		return 0, fmt.Errorf("--probe-max-error-rate %q: use a share from 0 to 1, or a percentage such as 1%%", text)
	}
	return rate, nil
}

// Plan returns what the flags say of a plan.
func (f *Flags) Plan() restartplan.Options {
	return restartplan.Options{
		Method: v1alpha1.Method(f.Method), AllowDowntime: f.AllowDowntime, IncludePartitioned: f.Partitioned, IncludeUnknown: f.Unknown,
		RecreateBarePods: f.BarePods == recreate, SurgeSingletons: f.Surge, Order: restartplan.Order(f.Order), Canary: f.Canary,
		Pause: f.Pause, MaxParallel: f.MaxParallel, MaxUnavailablePods: f.MaxUnavailable, PodsPerMinute: f.PodsPerMinute,
	}
}

// Run returns what the flags say of a run.
func (f *Flags) Run() restart.Options {
	return restart.Options{
		MaxParallel: f.MaxParallel, MaxUnavailablePods: f.MaxUnavailable, PodsPerMinute: f.PodsPerMinute, Pause: f.Pause,
		Canary: f.Canary, WorkloadTimeout: f.WorkloadTimeout, GoOn: f.OnFailure == goOn,
	}
}

// Probe returns what the flags say of probes, false where none is asked for. The flags have been validated.
func (f *Flags) Probe() (probe.Options, bool) {
	urls, _ := f.urls()
	rate, _ := f.rate()
	return probe.Options{URLs: urls, Interval: f.ProbeInterval, MaxErrorRate: rate}, len(urls) > 0
}
