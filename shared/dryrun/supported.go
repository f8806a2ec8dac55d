package dryrun

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
)

// oldest is the oldest Kubernetes that is asked. Those from before dry runs pass over a parameter that they do not know, and
// would create the pods; this one is well clear of them.
var oldest = version.MajorMinor(1, 18)

// Supported asks the server for its version, and returns an error where that is too old for dry runs or cannot be told.
// Nothing may be asked of such a server: it might create what it is asked about.
func Supported(ctx context.Context, kube kubernetes.Interface) error {
	info, err := discovery.ToServerVersionInterfaceWithContext(kube.Discovery()).ServerVersionWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reading the server's version, to be sure that it knows dry runs: %w", err)
	}
	server, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return fmt.Errorf("the server's version %q cannot be read, so that it is not sure to know dry runs: %w", info.GitVersion, err)
	}
	if !server.AtLeast(oldest) {
		return fmt.Errorf("the server is Kubernetes %s, and dry runs need %s or later: an older one might create the pods", info.GitVersion, oldest)
	}
	return nil
}
