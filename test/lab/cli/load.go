package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

func newLoad(l *lab) *cobra.Command {
	var load cluster.Load
	cmd := &cobra.Command{
		Use:     "load",
		Short:   "Create many Deployments and wait until their pods are ready",
		Example: "  lab load --namespaces 10 --deployments 20 --replicas 5 --labels istio.io/rev=1-22",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return l.client().Load(cmd.Context(), load)
		},
	}
	cmd.Flags().IntVar(&load.Namespaces, "namespaces", 1, "number of namespaces")
	cmd.Flags().IntVar(&load.Deployments, "deployments", 1, "number of Deployments in each")
	cmd.Flags().IntVar(&load.Replicas, "replicas", 1, "number of pods of each")
	cmd.Flags().StringToStringVar(&load.Labels, "labels", nil, "labels of the namespaces, NAME=VALUE")
	cmd.Flags().StringToStringVar(&load.Annotations, "annotations", nil, "annotations of the pods, NAME=VALUE")
	cmd.Flags().StringVar(&load.Prefix, "prefix", "load", "how the namespaces' names begin")
	return cmd
}
