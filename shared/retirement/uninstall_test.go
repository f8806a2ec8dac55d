package retirement

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

type gap = cluster.Gap

// leftovers is a cluster in which much is left of revision 1-22, and much is somebody else's.
func leftovers() *world {
	configMap := func(name, revision string) *corev1.ConfigMap {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name}}
		if revision != "" {
			c.Labels = rev(revision)
		}
		return identified(c)
	}
	service := identified(&corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Namespace: "istio-system", Name: "istiod-revision-tag-stable", Labels: map[string]string{"istio.io/tag": "stable", "istio.io/rev": "1-22"},
	}})
	byURL := fixture.Injector("1-22")
	byURL.Name = "managed"
	for i := range byURL.Webhooks {
		url := "https://example.com/inject"
		byURL.Webhooks[i].ClientConfig.Service, byURL.Webhooks[i].ClientConfig.URL = nil, &url
	}
	return in(
		identified(fixture.Injector("1-22")), identified(fixture.Injector("1-23")), identified(fixture.TagInjector("stable", "1-22")),
		identified(fixture.TagInjector("canary", "1-23")), identified(byURL), service,
		identified(validator("istio-validator-1-22-istio-system", "1-22", "istio-system")), identified(validator("istio-validator-1-22-istio-b", "1-22", "istio-b")),
		identified(validator("istio-validator-1-23-istio-system", "1-23", "istio-system")), identified(validator("istiod-default-validator", "1-23", "istio-system")),
		configMap("istio-1-22", "1-22"), configMap("istio-sidecar-injector-1-22", "1-22"), configMap("istio-1-23", "1-23"),
		configMap("istio-shared-configmap-1-22", ""))
}

func left(t *testing.T, w *world) []Object {
	t.Helper()
	c, err := ReadConfiguration(t.Context(), w.clients(), "istio-system", "1-22")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Uninstall(c, "istio-system", "1-22")
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestWhatIsLeftOfARevision(t *testing.T) {
	var text strings.Builder
	for _, o := range left(t, leftovers()) {
		fmt.Fprintf(&text, "%s (%s, %s)\n", o, o.UID, o.ResourceVersion)
	}
	golden.Equal(t, "left.txt", text.String())
}

func TestAConfigMapWithoutTheLabelMayBeTheUsersOwn(t *testing.T) {
	w := in(identified(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-1-22"}}))
	if objects := left(t, w); len(objects) > 0 {
		t.Errorf("got %v", objects)
	}
}

func TestNothingIsLeftOverWhileTheRevisionIsThere(t *testing.T) {
	w := leftovers()
	istiod := deployment("istio-system", "istiod-1-22", 1, nil)
	istiod.Labels = map[string]string{"app": "istiod", "istio.io/rev": "1-22"}
	if err := w.kube.Tracker().Add(istiod); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfiguration(t.Context(), w.clients(), "istio-system", "1-22")
	if err != nil {
		t.Fatal(err)
	}
	want := "revision 1-22 is still installed: deployment/istiod-1-22 in namespace istio-system is there; uninstall it first with the tool it came from, " +
		"such as `istioctl uninstall --revision 1-22 -i istio-system`"
	if objects, err := Uninstall(c, "istio-system", "1-22"); objects != nil || err == nil || err.Error() != want {
		t.Errorf("got %v, %v", objects, err)
	}
}

func TestWhatMayNotBeReadMayBeLeft(t *testing.T) {
	for _, resource := range []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "services", "configmaps", "deployments"} {
		w := leftovers()
		w.fail(resource, forbidden(resource))
		c, err := ReadConfiguration(t.Context(), w.clients(), "istio-system", "1-22")
		if err != nil {
			t.Fatal(err)
		}
		if objects, err := Uninstall(c, "istio-system", "1-22"); objects != nil || !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, %v", resource, objects, err)
		}
	}
}

func TestExactlyThatIsRemoved(t *testing.T) {
	w := leftovers()
	objects := left(t, w)
	w.kube.ClearActions()
	var removed []Object
	if err := Remove(t.Context(), w.kube, objects, func(o Object) { removed = append(removed, o) }); err != nil || !slices.Equal(removed, objects) {
		t.Errorf("got %v, %v", removed, err)
	}
	for i, a := range w.kube.Actions() {
		d := a.(clienttesting.DeleteActionImpl)
		p, o := d.DeleteOptions.Preconditions, objects[i]
		if string(d.Resource.Resource) != string(o.Resource) || d.Name != o.Name || d.Namespace != o.Namespace || string(*p.UID) != o.UID || *p.ResourceVersion != o.ResourceVersion {
			t.Errorf("deleted %+v, want %+v", d, o)
		}
	}
	if again := left(t, w); len(again) > 0 {
		t.Errorf("still there: %v", again)
	}
}

func TestWhatIsAnotherByNowStays(t *testing.T) {
	w := leftovers()
	objects := left(t, w)
	w.kube.PrependReactor("delete", "mutatingwebhookconfigurations", func(a clienttesting.Action) (bool, runtime.Object, error) {
		gone := a.(clienttesting.DeleteAction).GetName() != "istio-revision-tag-stable"
		if gone {
			return true, nil, apierrors.NewNotFound(schema.GroupResource{}, "gone")
		}
		return true, nil, apierrors.NewConflict(schema.GroupResource{}, "", errors.New("the ResourceVersion in the precondition is another"))
	})
	w.kube.PrependReactor("delete", "services", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("services") })
	var removed []string
	err := Remove(t.Context(), w.kube, objects, func(o Object) { removed = append(removed, o.Name) })
	want := "MutatingWebhookConfiguration istio-revision-tag-stable was changed by somebody else meanwhile, and is left as it is: run the same command again\n" +
		"deleting Service istiod-revision-tag-stable in namespace istio-system: services is forbidden: not yours"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if want := []string{"istio-validator-1-22-istio-system", "istio-1-22", "istio-sidecar-injector-1-22"}; !slices.Equal(removed, want) {
		t.Errorf("removed %v", removed)
	}
}
