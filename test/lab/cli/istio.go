package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/istio"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/supervisor"
)

func newIstio(l *lab) *cobra.Command {
	var i cluster.Istio
	cmd := &cobra.Command{
		Use:     "istio REV",
		Short:   "Install a revision of Istio; \"default\" is an installation without revision",
		Example: istioExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			i.Revision = args[0]
			if i.Tag == "" {
				if i.Tag, err = istio.GuessTag(i.Revision); err != nil {
					return err
				}
			}
			return l.client().InstallIstio(cmd.Context(), i)
		},
	}
	cmd.Flags().StringVar(&i.Tag, "tag", "", "tag of the images (default: as the revision is named, 1.24.0 for 1-24)")
	cmd.Flags().StringVar(&i.Hub, "hub", istio.DefaultHub, "where the images are")
	cmd.Flags().StringVar(&i.Namespace, "namespace", istio.DefaultNamespace, "namespace of the control plane")
	cmd.Flags().StringArrayVar(&i.Set, "set", nil, "further value of istioctl install, NAME=VALUE")
	cmd.Flags().StringToStringVar(&i.Env, "env", nil, "further environment of istiod, NAME=VALUE")
	return cmd
}

func newOutage(l *lab) *cobra.Command {
	return newIstiod("outage REV", "Stop a revision's istiod", func(cmd *cobra.Command, i supervisor.Istiod) error {
		return l.client().Outage(cmd.Context(), i)
	})
}

func newRestore(l *lab) *cobra.Command {
	return newIstiod("restore REV", "Start a revision's istiod again", func(cmd *cobra.Command, i supervisor.Istiod) error {
		return l.client().Restore(cmd.Context(), i)
	})
}

func newIstiod(use, short string, do func(*cobra.Command, supervisor.Istiod) error) *cobra.Command {
	var i supervisor.Istiod
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.Revision = args[0]
			return do(cmd, i)
		},
	}
	cmd.Flags().StringVar(&i.Namespace, "namespace", istio.DefaultNamespace, "namespace of the control plane")
	return cmd
}
