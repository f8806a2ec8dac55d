package proxyver

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// anyFinding is what --exit-code means without a value.
const anyFinding = "any"

const defaultChunk = 500

// Options is what the command line says.
type Options struct {
	genericiooptions.IOStreams
	ConfigFlags *genericclioptions.ConfigFlags

	AllNamespaces                bool
	LabelSelector, FieldSelector string
	By                           string
	Output                       string
	NoHeaders                    bool
	SortBy                       string
	All                          bool
	ExitCode                     string
	IstioNamespace               string
	Watch                        bool
	Verify                       bool
	Filename                     string
	Chunk                        int64

	// Args are the TYPE/NAME arguments.
	Args []string

	// exitCodeGiven tells an empty --exit-code from none.
	exitCodeGiven bool
	// filenameGiven tells an empty --filename from none: it is a variable that is not set, and no wish for the cluster.
	filenameGiven bool
	// namespace is empty for all.
	namespace string
	// alarming are the statuses that --exit-code is about, nil without it.
	alarming []v1alpha1.Status
	reports  *plugin.Formats
}

// NewOptions returns options with their defaults.
func NewOptions(streams genericiooptions.IOStreams) *Options {
	return &Options{
		IOStreams:   streams,
		ConfigFlags: plugin.NewConfigFlags(),
		By:          byWorkload,
		Chunk:       defaultChunk,
		reports:     plugin.NewFormats(),
	}
}

// Complete works out what the flags leave open. The error is about the flags, or about the kubeconfig.
func (o *Options) Complete(args []string) error {
	o.Args = args
	if err := o.completeNamespace(); err != nil {
		return err
	}
	if !o.exitCodeGiven {
		return nil
	}
	var err error
	o.alarming, err = parseExitCode(o.ExitCode)
	return err
}

// completeNamespace finds the namespace to look at. A dump has nothing to do with the current context: all of it is looked
// at unless a namespace is named.
func (o *Options) completeNamespace() error {
	switch {
	case o.AllNamespaces:
		return nil
	case o.Filename != "":
		o.namespace = *o.ConfigFlags.Namespace
		return nil
	}
	namespace, _, err := o.ConfigFlags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return fmt.Errorf("finding the namespace of the current context: %w", err)
	}
	o.namespace = namespace
	return nil
}

// parseExitCode reads the value of --exit-code.
func parseExitCode(value string) ([]v1alpha1.Status, error) {
	var alarming []v1alpha1.Status
	for _, status := range v1alpha1.Statuses() {
		if value == anyFinding && status != v1alpha1.Current && status != v1alpha1.None {
			alarming = append(alarming, status)
		}
	}
	if value == anyFinding {
		return alarming, nil
	}
	for _, word := range strings.Split(value, ",") {
		status := v1alpha1.Status(strings.TrimSpace(word))
		if !slices.Contains(v1alpha1.Statuses(), status) {
			return nil, fmt.Errorf("--exit-code=%s: %q is no status; use one or more of %s", value, word, plugin.OrList(statusNames()))
		}
		alarming = append(alarming, status)
	}
	return alarming, nil
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *Options) Validate() error {
	switch {
	case !slices.Contains(groupings(), o.By):
		return fmt.Errorf("--by %q: use %s", o.By, plugin.OrList(groupings()))
	case o.filenameGiven && o.Filename == "":
		return errors.New("--filename is empty: name a file, or - for standard input")
	case o.Chunk < 0:
		return fmt.Errorf("--chunk-size %d: use 0 or more", o.Chunk)
	}
	if _, err := labels.Parse(o.LabelSelector); err != nil {
		return fmt.Errorf("--selector %q: %w", o.LabelSelector, err)
	}
	if _, err := fields.ParseSelector(o.FieldSelector); err != nil {
		return fmt.Errorf("--field-selector %q: %w", o.FieldSelector, err)
	}
	for _, arg := range o.Args {
		if err := validateName(arg); err != nil {
			return err
		}
	}
	if o.Watch && o.exitCodeGiven {
		return errors.New("--watch ends by Ctrl-C only, with exit code 130: use either it or --exit-code")
	}
	if o.Watch && o.Verify {
		return errors.New("--verify asks once, and --watch goes on: use either")
	}
	if o.Watch && o.SortBy != "" && !slices.Contains([]string{"", outputWide, outputName}, o.Output) {
		return fmt.Errorf("--sort-by orders the rows of a table, and --watch prints what happens with --output %s: use either", o.Output)
	}
	if o.AllNamespaces && len(o.Args) > 0 {
		return errors.New("a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names")
	}
	if o.Filename != "" {
		if err := o.validateOffline(); err != nil {
			return err
		}
	}
	_, err := o.output(io.Discard)
	return err
}

func validateName(arg string) error {
	if slices.Contains(statusNames(), arg) {
		return fmt.Errorf("%q is a status, not TYPE/NAME: to narrow the exit code, write --exit-code=%s", arg, arg)
	}
	return plugin.ValidateName(arg)
}

func statusNames() []string {
	var names []string
	for _, s := range v1alpha1.Statuses() {
		names = append(names, string(s))
	}
	return names
}
