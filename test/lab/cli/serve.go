package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/serve"
)

type serving struct {
	lab                *lab
	namespace, service string
	port               int
}

func newServe(l *lab) *cobra.Command {
	s := &serving{lab: l}
	cmd := &cobra.Command{
		Use:     "serve --service NAME",
		Short:   "Answer HTTP requests while a Service has a ready address, until Ctrl-C",
		Long:    serveLong,
		Example: "  lab serve --namespace shop --service cart --port 8080",
		Args:    cobra.NoArgs,
		RunE:    s.run,
	}
	cmd.Flags().StringVar(&s.namespace, "namespace", "default", "namespace of the Service")
	cmd.Flags().StringVar(&s.service, "service", "", "name of the Service, which need not exist yet")
	cmd.Flags().IntVar(&s.port, "port", 0, "port on loopback; 0 is any that is free")
	_ = cmd.MarkFlagRequired("service") // it fails for a flag that does not exist
	return cmd
}

func (s *serving) run(cmd *cobra.Command, _ []string) error {
	if _, _, err := s.lab.env(); err != nil { // says that no lab runs
		return err
	}
	plan := controlplane.Plan{Dir: s.lab.dir}
	config, err := clientcmd.BuildConfigFromFlags("", plan.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the lab's kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	server, err := serve.Start(cmd.Context(), client, s.namespace, s.service, s.port)
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), server.URL())
	<-cmd.Context().Done()
	return server.Close()
}
