package tag

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

func TestMain(m *testing.M) {
	patience, pause = 200*time.Millisecond, time.Millisecond
	backoff.Duration = time.Microsecond
	m.Run()
}

// server is a cluster of the objects, whose injectors inject and whose objects have resource versions.
type server struct {
	*faulty.Cluster
	t *testing.T
	// deaf revisions inject nothing.
	deaf []string
	// log are the changes, in order.
	log []string
}

func serve(t *testing.T, o *Objects) *server {
	t.Helper()
	var objects []runtime.Object
	for i := range o.Webhooks {
		objects = append(objects, o.Webhooks[i].DeepCopy())
	}
	for i := range o.Services {
		objects = append(objects, o.Services[i].DeepCopy())
	}
	if o.Validator != nil {
		objects = append(objects, o.Validator.DeepCopy())
	}
	s := &server{Cluster: faulty.New("", objects...), t: t}
	shop := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	if err := s.Clients().Metadata.(*metadatafake.FakeMetadataClient).Tracker().Update(cluster.NamespaceResource, shop, ""); err != nil {
		t.Fatal(err)
	}
	s.Kube.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.36.0"}
	s.Kube.PrependReactor("create", "pods", s.inject)
	s.Kube.PrependReactor("*", "*", s.guard)
	return s
}

// inject answers the dry run of a pod as the last injector leaves it.
func (s *server) inject(a clienttesting.Action) (bool, runtime.Object, error) {
	pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod).DeepCopy()
	list, err := s.Kube.Tracker().List(webhooks, schema.GroupVersionKind{Group: webhooks.Group, Version: "v1", Kind: webhookKind}, "")
	if err != nil {
		return true, nil, err
	}
	for _, injector := range revision.Injectors(list.(*mutatingList).Items) {
		for _, w := range injector.Webhooks {
			if w.Selects(nil, pod.Labels) && !slices.Contains(s.deaf, injector.Owner.Revision) {
				pod.Annotations = map[string]string{"sidecar.istio.io/status": "{}", "istio.io/rev": injector.Owner.Revision}
				pod.Spec.InitContainers = []corev1.Container{{Name: "istio-proxy", Image: "proxy"}}
			}
		}
	}
	return true, pod, nil
}

// guard refuses what the resource version of an object does not allow, and counts versions up.
func (s *server) guard(a clienttesting.Action) (bool, runtime.Object, error) {
	if a.GetResource().Resource == "pods" {
		return false, nil, nil
	}
	var name, expected string
	switch a := a.(type) {
	case clienttesting.UpdateActionImpl:
		object := a.GetObject().(Object)
		name, expected = object.GetName(), object.GetResourceVersion()
		object.SetResourceVersion(expected + "1")
	case clienttesting.CreateActionImpl:
		identify(a.GetObject().(Object))
		name = a.GetObject().(Object).GetName()
	case clienttesting.DeleteActionImpl:
		name, expected = a.GetName(), *a.GetDeleteOptions().Preconditions.ResourceVersion
	default:
		return false, nil, nil
	}
	live, err := s.Kube.Tracker().Get(a.GetResource(), a.GetNamespace(), name)
	if expected != "" && err == nil && live.(Object).GetResourceVersion() != expected {
		return true, nil, apierrors.NewConflict(a.GetResource().GroupResource(), name, fmt.Errorf("it is %s", live.(Object).GetResourceVersion()))
	}
	s.log = append(s.log, a.GetVerb()+" "+name)
	return false, nil, nil
}

// change has somebody else change an object.
func (s *server) change(resource schema.GroupVersionResource, object Object) {
	s.t.Helper()
	object.SetResourceVersion(object.GetResourceVersion() + "9")
	if err := s.Kube.Tracker().Update(resource, object, object.GetNamespace()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) read() *Objects {
	s.t.Helper()
	o, gaps, err := Read(s.t.Context(), s.Clients(), "")
	if err != nil || len(gaps) > 0 {
		s.t.Fatal(gaps, err)
	}
	return o
}

func (s *server) apply(o *Objects, w Wish, before func(Write) error) (*Objects, error) {
	run := Run{}
	if before != nil {
		run.Before = func(_ context.Context, w Write) error { return before(w) }
	}
	return Apply(s.t.Context(), s.Clients(), o, w, run)
}

var (
	webhooks = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
	services = corev1.SchemeGroupVersion.WithResource("services")
)
