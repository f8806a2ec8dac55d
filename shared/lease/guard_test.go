package lease

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestNothingIsChangedWithoutTheLease(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}}`))
	}))
	defer server.Close()
	lost := errors.New("ben is at it")
	var held error
	config := Guarded(&rest.Config{Host: server.URL}, func(context.Context) error { return held })
	pods := kubernetes.NewForConfigOrDie(config).CoreV1().Pods("shop")
	dry := []string{metav1.DryRunAll}
	all := func() (errs []error) {
		_, err := pods.Get(t.Context(), "p", metav1.GetOptions{})
		errs = append(errs, err)
		_, err = pods.Create(t.Context(), &corev1.Pod{}, metav1.CreateOptions{DryRun: dry})
		errs = append(errs, err)
		_, err = pods.Create(t.Context(), &corev1.Pod{}, metav1.CreateOptions{})
		errs = append(errs, err)
		_, err = pods.Update(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}}, metav1.UpdateOptions{})
		errs = append(errs, err)
		_, err = pods.Patch(t.Context(), "p", types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
		return append(errs, err, pods.Delete(t.Context(), "p", metav1.DeleteOptions{}))
	}
	for i, err := range all() {
		if err != nil {
			t.Errorf("held, request %d: %v", i, err)
		}
	}
	held, seen = lost, nil
	for i, err := range all() {
		if mutates := i > 1; errors.Is(err, lost) != mutates {
			t.Errorf("lost, request %d: %v", i, err)
		}
	}
	if got := strings.Join(seen, " "); got != "GET POST" {
		t.Errorf("sent %s", got)
	}
}
