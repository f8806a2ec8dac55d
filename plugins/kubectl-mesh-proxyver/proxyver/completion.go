package proxyver

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
)

// complete has the command's arguments and flags completed.
func (o *Options) complete(cmd *cobra.Command) {
	inCluster := completion.New(pluginName, o.ConfigFlags)
	inCluster.Add(cmd, completion.Flags{
		"by": completion.Words(groupings()...), "output": completion.Words(o.formats()...), "exit-code": completion.List(statusNames()...),
		"istio-namespace": inCluster.IstioNamespaces(), "filename": completion.Files(),
		"selector": completion.None, "field-selector": completion.None, "sort-by": completion.None,
	})
	workloads := inCluster.Workloads(completion.Deployments, completion.StatefulSets, completion.DaemonSets, completion.ReplicaSets,
		completion.ReplicationControllers, completion.Rollouts, completion.Jobs, completion.Pods)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		// No workload is named across all namespaces, and a dump has nothing to do with the cluster.
		if o.AllNamespaces || o.Filename != "" {
			return completion.None(cmd, args, toComplete)
		}
		return workloads(cmd, args, toComplete)
	}
}
