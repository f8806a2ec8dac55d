package reinject

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

const defaultChunk = 500

const (
	dryRunNone, dryRunClient, dryRunServer = "none", "client", "server"
	outputWide, outputName                 = "wide", "name"
)

// Options is what the command line says.
type Options struct {
	genericiooptions.IOStreams
	ConfigFlags *genericclioptions.ConfigFlags
	Pacing      *pacing.Flags

	AllNamespaces                bool
	LabelSelector, FieldSelector string
	All                          bool
	Include                      []string
	DryRun                       string
	Wait                         bool
	Timeout                      time.Duration
	ExitCode                     bool
	Yes                          bool
	Output                       string
	NoHeaders                    bool
	IstioNamespace               string
	Chunk                        int64

	// Args are the TYPE/NAME arguments.
	Args []string

	// namespace is empty for all.
	namespace string
	selector  labels.Selector
	reports   *plugin.Formats
}

// NewOptions returns options with their defaults.
func NewOptions(streams genericiooptions.IOStreams) *Options {
	return &Options{
		IOStreams: streams, ConfigFlags: plugin.NewConfigFlags(), Pacing: pacing.New(), DryRun: dryRunNone, Wait: true,
		Chunk: defaultChunk, reports: plugin.NewFormats(),
	}
}

// Complete works out what the flags leave open. The error is about the flags, or about the kubeconfig.
func (o *Options) Complete(args []string) error {
	o.Args = args
	var err error
	if o.selector, err = labels.Parse(o.LabelSelector); err != nil {
		return fmt.Errorf("--selector %q: %w", o.LabelSelector, err)
	}
	if o.AllNamespaces {
		return nil
	}
	if o.namespace, _, err = o.ConfigFlags.ToRawKubeConfigLoader().Namespace(); err != nil {
		return fmt.Errorf("finding the namespace of the current context: %w", err)
	}
	return nil
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *Options) Validate() error {
	for _, arg := range o.Args {
		if o.DryRun != dryRunNone && slices.Contains([]string{dryRunNone, dryRunClient, dryRunServer}, arg) {
			return fmt.Errorf("%q is no workload: --dry-run takes its value with a \"=\", as in --dry-run=%s", arg, arg)
		}
		if err := plugin.ValidateName(arg); err != nil {
			return err
		}
	}
	for _, status := range o.Include {
		if !slices.Contains(includable(), status) {
			return fmt.Errorf("--include %q: use %s", status, plugin.OrList(includable()))
		}
	}
	switch {
	case !slices.Contains([]string{dryRunNone, dryRunClient, dryRunServer}, o.DryRun):
		return fmt.Errorf("--dry-run %q: use none, client or server", o.DryRun)
	case o.AllNamespaces && len(o.Args) > 0:
		return errors.New("a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names")
	case o.LabelSelector != "" && len(o.Args) > 0:
		return errors.New("a workload is either named or selected: use either TYPE/NAME or -l")
	case o.Chunk < 0:
		return fmt.Errorf("--chunk-size %d: use 0 or more", o.Chunk)
	case o.Timeout < 0:
		return fmt.Errorf("--timeout %s: use 0 or more", o.Timeout)
	}
	if _, err := fields.ParseSelector(o.FieldSelector); err != nil {
		return fmt.Errorf("--field-selector %q: %w", o.FieldSelector, err)
	}
	if err := o.validateWait(); err != nil {
		return err
	}
	if err := o.Pacing.Validate(); err != nil {
		return err
	}
	return o.validateOutput()
}

// validateWait: without waiting, there is nothing that a gate could look at.
func (o *Options) validateWait() error {
	if o.Wait {
		return nil
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"canary", o.Pacing.Canary > 0}, {"pause", o.Pacing.Pause > 0}, {"surge-singletons", o.Pacing.Surge},
		{"max-unavailable-pods", o.Pacing.MaxUnavailable > 0}, {"include-partitioned", o.Pacing.Partitioned},
		{"method evict", o.Pacing.Method == string(v1alpha1.ByEviction)},
	} {
		if flag.given {
			return fmt.Errorf("--wait=false does not see how the workloads fare, which --%s needs: use either", flag.name)
		}
	}
	return nil
}

func (o *Options) validateOutput() error {
	if slices.Contains([]string{"", outputWide, outputName}, o.Output) {
		return nil
	}
	_, err := o.reports.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	return err
}

func includable() []string { return []string{string(v1alpha1.Missing), string(v1alpha1.Unexpected)} }

// plan returns what the flags say of the plan.
func (o *Options) plan() restartplan.Options {
	p := o.Pacing.Plan()
	p.All, p.Selector = o.All, o.selector
	p.Missing = slices.Contains(o.Include, string(v1alpha1.Missing))
	p.Unexpected = slices.Contains(o.Include, string(v1alpha1.Unexpected))
	return p
}
