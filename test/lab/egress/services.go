package egress

import (
	"context"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const byClusterIP = "clusterIP"

// Services finds the Service that has an address.
type Services struct {
	client  kubernetes.Interface
	indexer cache.Indexer
}

// WatchServices follows the Services of the cluster until ctx ends; it returns at once. The error says that the watch
// could not be set up.
func WatchServices(ctx context.Context, client kubernetes.Interface) (*Services, error) {
	informer := informers.NewSharedInformerFactory(client, 0).Core().V1().Services().Informer()
	err := informer.AddIndexers(cache.Indexers{byClusterIP: func(obj any) ([]string, error) {
		return obj.(*corev1.Service).Spec.ClusterIPs, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("following Services: %w", err)
	}
	// A lab's API server is stopped on purpose at times; the informer tries again by itself and need not complain.
	err = informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {})
	if err != nil {
		return nil, fmt.Errorf("following Services: %w", err)
	}
	go informer.RunWithContext(ctx)
	return &Services{client: client, indexer: informer.GetIndexer()}, nil
}

// At returns the Service that has the address. A Service the watch has not told of yet is found by asking the API
// server. The error says that there is none, or why it could not be asked.
func (s *Services) At(ctx context.Context, address string) (*corev1.Service, error) {
	ip, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("reading the address %q: %w", address, err)
	}
	if found, err := s.indexer.ByIndex(byClusterIP, ip); err == nil && len(found) > 0 {
		return found[0].(*corev1.Service), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	list, err := s.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("looking for the Service at %s: %w", ip, err)
	}
	for i := range list.Items {
		if list.Items[i].Spec.ClusterIP == ip {
			return &list.Items[i], nil
		}
	}
	return nil, fmt.Errorf("no Service has the address %s", ip)
}
