package serve

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

func slice(service, name string, ready ...*bool) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service},
	}}
	for _, r := range ready {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: r},
		})
	}
	return s
}

func awaitStatus(t *testing.T, url string, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %s, want %d", resp.Status, want)
		}
	}
}

func TestItAnswersWhileAnAddressIsReady(t *testing.T) {
	yes, no := true, false
	client := fake.NewClientset(slice("web", "web-1", &no), slice("other", "other-1", &yes))
	server, err := Start(t.Context(), client, "shop", "web", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	slices := client.DiscoveryV1().EndpointSlices("shop")
	for _, step := range []struct {
		slice *discoveryv1.EndpointSlice
		want  int
	}{
		{slice("web", "web-1", &no), http.StatusServiceUnavailable},
		{slice("web", "web-1", &no, &yes), http.StatusOK},
		{slice("web", "web-1"), http.StatusServiceUnavailable},
		{slice("web", "web-1", nil), http.StatusOK},
	} {
		if _, err := slices.Update(t.Context(), step.slice, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		awaitStatus(t, server.URL(), step.want)
	}
	if err := slices.Delete(t.Context(), "web-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, server.URL(), http.StatusServiceUnavailable)
}

func TestItDoesNotStartWithoutAnAPIServer(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(&rest.Config{Host: "http://127.0.0.1:1"})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, client, "shop", "web", 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
