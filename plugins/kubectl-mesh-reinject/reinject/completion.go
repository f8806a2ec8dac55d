package reinject

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
)

// complete has the command's arguments and flags completed.
func (o *Options) complete(cmd *cobra.Command) {
	inCluster := completion.New(pluginName, o.ConfigFlags)
	inCluster.Add(cmd, completion.Flags{
		"include": completion.List(includable()...), "dry-run": completion.Words(dryRunNone, dryRunClient, dryRunServer),
		"output": completion.Words(o.reports.Names(outputWide, outputName)...), "istio-namespace": inCluster.IstioNamespaces(),
		"selector": completion.None, "field-selector": completion.None,
	}, pacing.Completed())
	workloads := inCluster.Workloads(completion.Deployments, completion.StatefulSets, completion.DaemonSets, completion.ReplicaSets,
		completion.ReplicationControllers, completion.Rollouts, completion.Pods)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		// What is selected, or looked for in all namespaces, is not named.
		if o.AllNamespaces || o.LabelSelector != "" {
			return completion.None(cmd, args, toComplete)
		}
		return workloads(cmd, args, toComplete)
	}
}
