package canary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderun"
)

// defaultLease is for how long others wait for a command that died.
const defaultLease = 15 * time.Second

// upgradeOptions are what the commands that change an upgrade have in common.
type upgradeOptions struct {
	genericiooptions.IOStreams
	ConfigFlags *genericclioptions.ConfigFlags
	Pacing      *pacing.Flags

	IstioNamespace string
	Chunk          int64
	Timeout        time.Duration
	LeaseDuration  time.Duration
	Yes            bool
	// DryRun and Output are for commands that change an upgrade.
	DryRun, Output string

	formats *plugin.Formats
}

func newUpgradeOptions(streams genericiooptions.IOStreams) upgradeOptions {
	return upgradeOptions{IOStreams: streams, ConfigFlags: plugin.NewConfigFlags(), Pacing: pacing.New(), Chunk: defaultChunk, LeaseDuration: defaultLease,
		DryRun: dryRunNone, formats: plugin.NewFormats()}
}

// addFlags adds the flags of a command that changes an upgrade.
func (o *upgradeOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.Pacing.Add(flags)
	flags.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	flags.StringVar(&o.DryRun, "dry-run", o.DryRun, "`none|client`: client changes nothing, and prints what would be done.")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	flags.StringVarP(&o.Output, "output", "o", o.Output,
		"With --dry-run=client, print in this `format` every object as it would be: "+plugin.OrList(o.formats.Names(outputName))+".")
	flags.DurationVar(&o.LeaseDuration, "lease-duration", o.LeaseDuration,
		"If this command dies, others wait for this `duration` before they go on.")
	o.addCommonFlags(cmd, outputName)
}

// addCommonFlags adds those of every command about an upgrade. own is the output format that is the command's own.
func (o *upgradeOptions) addCommonFlags(cmd *cobra.Command, own string) {
	flags := cmd.Flags()
	flags.StringVarP(&o.IstioNamespace, "istio-namespace", "i", o.IstioNamespace,
		"The mesh whose Istio is in this `namespace`. Unset, it is the only one, or the one that is being upgraded.")
	flags.Int64Var(&o.Chunk, "chunk-size", o.Chunk, "Fetch lists in pages of this `size`; 0 fetches each at once.")
	flags.DurationVar(&o.Timeout, "timeout", o.Timeout, "End after this `duration`, whatever is under way, with exit code 124; 0 is no limit.")
	addConnectionFlags(cmd, o.ConfigFlags)
	complete(cmd, o.ConfigFlags, o.formats.Names(own))
}

// shortestLease is what a renewal needs to get through.
const shortestLease = 2 * time.Second

func (o *upgradeOptions) validate() error {
	switch {
	case o.ConfigFlags.Namespace != nil && *o.ConfigFlags.Namespace != "":
		return errors.New("-n means nothing here: namespaces are arguments, and Istio's own is named with -i")
	case o.Chunk < 0:
		return fmt.Errorf("--chunk-size %d: use 0 or more", o.Chunk)
	case o.Timeout < 0:
		return fmt.Errorf("--timeout %s: use 0 or more", o.Timeout)
	case o.LeaseDuration < shortestLease:
		return fmt.Errorf("--lease-duration %s: use %s or more", o.LeaseDuration, shortestLease)
	case o.DryRun == dryRunServer:
		return errors.New("--dry-run server: later steps need what earlier ones have written; use client")
	case o.DryRun != dryRunNone && o.DryRun != dryRunClient:
		return fmt.Errorf("--dry-run %q: use none or client", o.DryRun)
	}
	if err := o.validateOutput(); err != nil {
		return err
	}
	return o.Pacing.Validate()
}

// chosen are the namespaces that a command line names, by arguments or by their labels.
type chosen struct {
	names    []string
	selector string
}

func (c *chosen) complete(args []string) error {
	if len(args) > 0 && c.selector != "" {
		return errors.New("namespaces are named, and chosen by --selector too: use either")
	}
	if _, err := labels.Parse(c.selector); err != nil {
		return fmt.Errorf("--selector %q: %w", c.selector, err)
	}
	slices.Sort(args)
	c.names = slices.Compact(args)
	return nil
}

func (c *chosen) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.selector, "selector", "l", c.selector, "Move the namespaces whose labels match this `selector`, as far as they are concerned.")
}

// of returns the names of the namespaces that are chosen, none where none is. Of those that a selector finds, only those count that
// the upgrade is about.
func (c *chosen) of(ctx context.Context, s *session) ([]string, error) {
	if c.selector == "" {
		return c.names, nil
	}
	matching, err := s.hands.Namespaces(ctx, c.selector)
	if err != nil {
		return nil, err
	}
	remaining := s.remaining()
	recorded := map[string]bool{}
	for _, n := range s.upgrade.Namespaces {
		recorded[n.Name] = true
	}
	matching = slices.DeleteFunc(matching, func(name string) bool { return !recorded[name] && !slices.Contains(remaining, name) })
	if len(matching) == 0 {
		return nil, fmt.Errorf("no namespace that this upgrade is about matches --selector %s", c.selector)
	}
	return matching, nil
}

// confirm asks before more than one namespace is changed. The error says that the answer was no, or that there is nobody to ask.
func (o *upgradeOptions) confirm(ctx context.Context, what string, namespaces int) error {
	if o.Yes || namespaces < 2 {
		return nil
	}
	question := fmt.Sprintf("%s: %s", what, restarttext.Count(namespaces, "namespace"))
	if !(term.TTY{In: o.In}).IsTerminalIn() {
		return fmt.Errorf("this would %s: add --yes", strings.ToLower(question[:1])+question[1:])
	}
	yes, err := plugin.Ask(ctx, o.IOStreams, question)
	if err == nil && !yes {
		err = errors.New("nothing was changed")
	}
	return err
}

// to takes the upgrade to a goal, and says on the way what is done.
func (o *upgradeOptions) to(ctx context.Context, s *session, goal upgrade.Goal) error {
	s.hands.Upgrade = s.upgrade
	s.hands.Unseen = func(text string) { fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(text)) }
	s.hands.Wrote = func(text string) { fmt.Fprintln(o.ErrOut, printing.Escape(text)) }
	reinjector, err := o.reinjector(ctx, s)
	if err != nil {
		return err
	}
	s.hands.Reinjector = reinjector
	run := upgraderun.Run{Hands: s.hands, Recorder: s.store, Began: o.began}
	return run.To(ctx, s.upgrade, goal)
}

// began says what is about to be done.
func (o *upgradeOptions) began(s upgrade.Step) {
	fmt.Fprintln(o.ErrOut, "==>", printing.Escape(title(s)))
}

// title says what a step does.
func title(s upgrade.Step) string {
	switch s.Kind {
	case upgrade.SetTag:
		return fmt.Sprintf("tag %s to revision %s", s.Tag, s.Revision)
	case upgrade.RemoveTag:
		return "remove tag " + s.Tag
	case upgrade.Label:
		return "label " + restarttext.Count(len(s.Labels), "namespace") + ": " + some(slices.Sorted(maps.Keys(s.Labels)))
	case upgrade.Restart:
		switch {
		case len(s.Namespaces) == 0:
			return "restart what still runs revision " + s.Away
		case s.Away != "":
			return "restart what still runs revision " + s.Away + " in " + some(s.Namespaces)
		default:
			return "restart what is stale in " + some(s.Namespaces)
		}
	case upgrade.PutBack:
		return "put back the replicas that were raised"
	default:
		return "the upgrade is " + words(s.Phase)
	}
}
