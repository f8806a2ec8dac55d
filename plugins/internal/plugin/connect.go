package plugin

import (
	"errors"
	"fmt"
	"runtime"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
)

// kubectlsDefaultHost is where kubectl looks for a cluster when nothing names one.
const kubectlsDefaultHost = "http://localhost:8080"

// RESTConfig returns what the flags say of the connection, for a plugin of that name. The error says what is wrong with
// the kubeconfig, or that nothing names a cluster.
func RESTConfig(flags *genericclioptions.ConfigFlags, name string) (*rest.Config, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	if raw, err := flags.ToRawKubeConfigLoader().RawConfig(); err == nil &&
		config.Host == kubectlsDefaultHost && len(raw.Clusters) == 0 {
		return nil, errors.New("no cluster is configured: set KUBECONFIG, or pass --kubeconfig or --context " +
			"(see `kubectl config get-contexts`)")
	}
	config.UserAgent = fmt.Sprintf("%s/%s (%s/%s)", name, version, runtime.GOOS, runtime.GOARCH)
	return config, nil
}
