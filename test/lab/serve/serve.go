// Package serve plays what a client of a Service meets: an HTTP server that answers while the Service has somebody to
// answer.
package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// Server answers 200 while the Service has a ready address, else 503.
type Server struct {
	slices discoverylisters.EndpointSliceLister
	http   *http.Server
	url    string
	cancel context.CancelFunc
}

// Start serves the Service, which need not exist, on a port of loopback; 0 is any. It follows the Service's
// EndpointSlices, and returns once it knows them. The error says that it could not get to know them before ctx ended, or
// why it cannot listen.
func Start(ctx context.Context, client kubernetes.Interface, namespace, service string, port int) (*Server, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("serving %s/%s: %w", namespace, service, err)
	}
	lifetime, cancel := context.WithCancel(context.Background())
	s := &Server{url: "http://" + listener.Addr().String(), cancel: cancel}
	if err := s.follow(ctx, lifetime, client, namespace, service); err != nil {
		cancel()
		listener.Close()
		return nil, fmt.Errorf("following the EndpointSlices of %s/%s: %w", namespace, service, err)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// follow starts an informer that ends with lifetime, and waits for it until ctx ends.
func (s *Server) follow(ctx, lifetime context.Context, client kubernetes.Interface, namespace, service string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.LabelSelector = labels.Set{discoveryv1.LabelServiceName: service}.String()
		}))
	endpoints := factory.Discovery().V1().EndpointSlices()
	informer := endpoints.Informer()
	// A lab's API server is stopped on purpose at times; the informer tries again by itself and need not complain.
	quiet := func(context.Context, *cache.Reflector, error) {}
	if err := informer.SetWatchErrorHandlerWithContext(quiet); err != nil {
		return err
	}
	s.slices = endpoints.Lister()
	go informer.RunWithContext(lifetime)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return context.Cause(ctx)
	}
	return nil
}

// URL returns the server's address.
func (s *Server) URL() string { return s.url }

// Close ends the server and its watch. The error is of no consequence: it tells of the listener.
func (s *Server) Close() error {
	s.cancel()
	return s.http.Close()
}

// ServeHTTP answers as the Service would.
func (s *Server) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if n := s.ready(); n > 0 {
		fmt.Fprintf(w, "ready addresses: %d\n", n)
		return
	}
	http.Error(w, "no ready address", http.StatusServiceUnavailable)
}

// ready counts the addresses that take requests.
func (s *Server) ready() int {
	found, err := s.slices.List(labels.Everything())
	if err != nil { // a lister reads memory
		return 0
	}
	ready := 0
	for _, slice := range found {
		for _, endpoint := range slice.Endpoints {
			// Where it is not known, it is to be taken for ready.
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready += len(endpoint.Addresses)
			}
		}
	}
	return ready
}
