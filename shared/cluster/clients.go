// Package cluster holds the clients by which a cluster is read, and tells the failures apart that reading can meet.
package cluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	istio "istio.io/client-go/pkg/clientset/versioned"

	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

const (
	protobuf = runtime.ContentTypeProtobuf
	// No limit of the client's own: the server's priority and fairness is the one that counts, and what is sent at a time
	// is bounded where it is sent.
	unlimited = -1
)

// Clients reads one cluster.
type Clients struct {
	Kube     kubernetes.Interface
	Metadata metadata.Interface
	Dynamic  dynamic.Interface
	Istio    istio.Interface
	// Core sends requests to the core group as they are; lists of pods are read from it as a stream of bytes.
	Core rest.Interface
}

// Connect returns clients for the cluster, whose requests endure what package transport says. It sends nothing. An error
// says which client the configuration does not do for.
func Connect(config *rest.Config) (*Clients, error) {
	config = rest.CopyConfig(config)
	transport.Wrap(config)
	config.QPS = unlimited
	fast := rest.CopyConfig(config)
	fast.ContentType = protobuf
	fast.AcceptContentTypes = protobuf + "," + runtime.ContentTypeJSON

	var c Clients
	var err error
	if c.Kube, err = kubernetes.NewForConfig(fast); err != nil {
		return nil, fmt.Errorf("making a Kubernetes client: %w", err)
	}
	c.Core = c.Kube.CoreV1().RESTClient()
	if c.Metadata, err = metadata.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("making a metadata client: %w", err)
	}
	if c.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("making a dynamic client: %w", err)
	}
	if c.Istio, err = istio.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("making an Istio client: %w", err)
	}
	return &c, nil
}
