// Package cluster holds the clients by which a cluster is read, and tells the failures apart that reading can meet.
package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"

	istio "istio.io/client-go/pkg/clientset/versioned"
)

const (
	protobuf = runtime.ContentTypeProtobuf
	// The server's own priority and fairness is the limit that counts; client-go's default of 5 requests a second
	// would make a mesh of ten revisions crawl.
	qps, burst = 50, 300
)

// Clients reads one cluster.
type Clients struct {
	Kube     kubernetes.Interface
	Metadata metadata.Interface
	Dynamic  dynamic.Interface
	Istio    istio.Interface
}

// Connect returns clients for the cluster. It sends nothing. An error says which client the configuration does not do
// for.
func Connect(config *rest.Config) (*Clients, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = qps, burst
	fast := rest.CopyConfig(config)
	fast.ContentType = protobuf
	fast.AcceptContentTypes = protobuf + "," + runtime.ContentTypeJSON

	var c Clients
	var err error
	if c.Kube, err = kubernetes.NewForConfig(fast); err != nil {
		return nil, fmt.Errorf("making a Kubernetes client: %w", err)
	}
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

// Gap is something that could not be read. What depends on it is unknown.
type Gap struct {
	// Missing says what, in words: `webhook configurations`.
	Missing string
	Err     error
}

// Error says what is missing, and why.
func (g Gap) Error() string { return fmt.Sprintf("cannot read %s: %v", g.Missing, g.Err) }

// Unwrap returns why it is missing.
func (g Gap) Unwrap() error { return g.Err }

// Outcome sorts the error of a read: nil for success and for a kind that the cluster does not have; a gap where the
// caller may not read it, which leaves the rest readable; the error itself, with what was read, where nothing further
// can be expected of the cluster.
func Outcome(what string, err error) (*Gap, error) {
	switch {
	case err == nil || apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsForbidden(err):
		return &Gap{Missing: what, Err: err}, nil
	default:
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
}

// EachPage lists page by page and calls do for every item, in the order of the server. A page is fetched while the one
// before it is worked on. An error of do ends the listing and is returned.
func EachPage(ctx context.Context, chunk int64, options metav1.ListOptions, list pager.ListPageFunc, do func(runtime.Object) error) error {
	p := pager.New(list)
	p.PageSize = chunk
	p.PageBufferSize = 1
	return p.EachListItem(ctx, options, do)
}
