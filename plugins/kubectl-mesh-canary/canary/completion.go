package canary

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// complete has the flags of a command completed, which mean the same wherever they occur. formats are the values of --output. What else
// a command's flags may be, it says before.
func complete(cmd *cobra.Command, connection *genericclioptions.ConfigFlags, formats []string) {
	inCluster := completion.New(pluginName, connection)
	tools := completion.Words("istioctl", "aks")
	inCluster.Add(cmd, completion.Flags{
		"to": inCluster.Revisions("from"), "from": inCluster.Revisions("to"), "revision": inCluster.Revisions(),
		"stable-tag": inCluster.Tags("canary-tag"), "canary-tag": inCluster.Tags("stable-tag"),
		"istio-namespace": inCluster.IstioNamespaces(),
		"install":         tools, "uninstall": tools,
		"output": completion.Words(formats...), "dry-run": completion.Words(dryRunNone, dryRunClient),
		"restore":            completion.Files(),
		"aks-resource-group": completion.None, "aks-name": completion.None, "selector": completion.None, "sort-by": completion.None,
		"webhook-name": completion.None,
	}, pacing.Completed())
}

// revisionNames and tagNames complete an argument.
func revisionNames(connection *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return completion.One(completion.New(pluginName, connection).Revisions())
}

func tagNames(connection *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	return completion.One(completion.New(pluginName, connection).Tags())
}

// unmoved completes the namespaces that a command may move.
func (o *upgradeOptions) unmoved(to func() string, find func(*session) []string) cobra.CompletionFunc {
	return completion.Several(completion.Found(func(ctx context.Context, _ *cobra.Command) (names []cobra.Completion, err error) {
		err = o.reading(ctx, to(), func(_ context.Context, s *session) error {
			names = find(s)
			return nil
		})
		slices.Sort(names)
		return slices.Compact(names), err
	}))
}

// toAdvance are the namespaces that the upgrade has not moved yet.
func toAdvance(s *session) []string {
	if s.upgrade == nil || s.upgrade.Phase != v1alpha1.PhaseStarted {
		return nil
	}
	return s.remaining()
}

// toStart are the namespaces of the upgrade that is under way, or that the command line begins, that have not moved yet. As long as that
// says too little, they are those that follow any other revision than the one to move to.
func (o *startOptions) toStart(s *session) []string {
	if s.upgrade != nil && s.upgrade.Phase != v1alpha1.PhaseCompleted && s.upgrade.Phase != v1alpha1.PhaseRolledBack {
		return toAdvance(s)
	}
	begun, err := upgrade.Begin(upgrade.Request{
		From: o.From, To: o.To, IstioNamespace: s.namespace, StableTag: o.StableTag, CanaryTag: o.CanaryTag, UseTag: o.UseTag,
	}, s.seen, s.installed)
	if err != nil {
		return upgrade.Following(s.seen, s.installed, func(revision string) bool {
			return revision != o.To && (o.From == "" || revision == o.From)
		})
	}
	s.upgrade = begun
	return s.remaining()
}
