package cluster

import (
	"context"
	"fmt"
	"sync"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/istio"
)

// istiods is where the istiod of each revision listens.
type istiods struct {
	mu   sync.Mutex
	byID map[istio.ID]istio.Istiod
}

func newIstiods() *istiods { return &istiods{byID: map[istio.ID]istio.Istiod{}} }

func (s *istiods) put(d istio.Istiod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[d.ID] = d
}

func (s *istiods) get(id istio.ID) (istio.Istiod, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.byID[id]
	return d, ok
}

func (s *istiods) drop(id istio.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// backend finds the istiod behind a Service. The Services of a revision and of its tags all carry the revision's label.
func (c *Cluster) backend(ctx context.Context, address string) (string, error) {
	service, err := c.services.At(ctx, address)
	if err != nil {
		return "", err
	}
	revision, ok := service.Labels[label.IoIstioRev.Name]
	if !ok {
		return "", fmt.Errorf("nothing plays the Service %s/%s", service.Namespace, service.Name)
	}
	d, ok := c.istiods.get(istio.NewID(service.Namespace, revision))
	if !ok {
		return "", fmt.Errorf("no istiod of revision %s runs for the Service %s/%s", revision, service.Namespace, service.Name)
	}
	return fmt.Sprintf("127.0.0.1:%d", d.Webhook), nil
}
