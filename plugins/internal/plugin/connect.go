package plugin

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

// kubectlsDefaultHost is where kubectl looks for a cluster when nothing names one.
const kubectlsDefaultHost = "http://localhost:8080"

// NewConfigFlags returns the flags of the connection, of which the requests that kubectl's packages send endure as much
// as our own.
func NewConfigFlags() *genericclioptions.ConfigFlags {
	return genericclioptions.NewConfigFlags(true).WithWrapConfigFn(func(config *rest.Config) *rest.Config {
		transport.Wrap(config)
		return config
	})
}

// RESTConfig returns what the flags say of the connection, for a plugin of that name. The error says what is wrong with
// the kubeconfig, or that nothing names a cluster.
func RESTConfig(flags *genericclioptions.ConfigFlags, name string) (*rest.Config, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	if raw, err := flags.ToRawKubeConfigLoader().RawConfig(); err == nil &&
		config.Host == kubectlsDefaultHost && len(raw.Clusters) == 0 {
		return nil, noCluster(os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	}
	config.UserAgent = fmt.Sprintf("%s/%s (%s/%s)", name, version, runtime.GOOS, runtime.GOARCH)
	return config, nil
}

// noCluster says why nothing names a cluster. kubeconfig is the value of KUBECONFIG.
func noCluster(kubeconfig string) error {
	if kubeconfig != "" {
		return fmt.Errorf("no cluster is configured: KUBECONFIG is %q, which holds none (see `kubectl config get-contexts`)", kubeconfig)
	}
	return errors.New("no cluster is configured: set KUBECONFIG, or pass --kubeconfig or --server " +
		"(see `kubectl config get-contexts`)")
}
