package mesh

import (
	"errors"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	networkingapi "istio.io/api/networking/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
)

func metaOf(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: fixture.IstioNamespace, Name: name, Labels: labels}
}

// annotated is the object with an annotation that nothing reads.
func annotated(o runtime.Object) runtime.Object {
	c := o.DeepCopyObject()
	c.(metav1.Object).SetAnnotations(map[string]string{"a": "b"})
	return c
}

func gatewayObject(class string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "shop", "name": "gw"}, "spec": map[string]any{"gatewayClassName": class},
	}}
}

// TestObjectsKnowWhatMatters: of every kind, that an object comes, changes and goes is news, and that it comes again is not.
func TestObjectsKnowWhatMatters(t *testing.T) {
	tagService := func(rev string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metaOf("s", map[string]string{"istio.io/tag": "prod", "istio.io/rev": rev})}
	}
	proxyConfig := func(image string) *istionetworking.ProxyConfig {
		return &istionetworking.ProxyConfig{ObjectMeta: metaOf("p", nil),
			Spec: networkingapi.ProxyConfig{Image: &networkingapi.ProxyImage{ImageType: image}}}
	}
	defaults := func(class string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metaOf("anything", map[string]string{classDefaultsLabel: class})}
	}
	for _, c := range []struct {
		rule string
		// same differs from one in nothing that matters; it is nil where everything does.
		one, same, other runtime.Object
	}{
		{"webhooks", fixture.TagInjector("prod", "1-22"), nil, fixture.TagInjector("prod", "1-23")},
		{"the default's validator", &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metaOf(DefaultValidator, map[string]string{"istio.io/rev": "1-22"})},
			&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metaOf(DefaultValidator, map[string]string{"istio.io/rev": "1-22", "other": "label"})},
			&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metaOf(DefaultValidator, map[string]string{"istio.io/rev": "1-23"})}},
		{"namespaces", &corev1.Namespace{ObjectMeta: metaOf("shop", nil)}, annotated(&corev1.Namespace{ObjectMeta: metaOf("shop", nil)}),
			&corev1.Namespace{ObjectMeta: metaOf("shop", map[string]string{"a": "b"})}},
		{"namespaces' metadata", &metav1.PartialObjectMetadata{ObjectMeta: metaOf("shop", nil)}, annotated(&metav1.PartialObjectMetadata{ObjectMeta: metaOf("shop", nil)}),
			&metav1.PartialObjectMetadata{ObjectMeta: metaOf("shop", map[string]string{"a": "b"})}},
		{"ConfigMaps", fixture.ConfigMap("1-22", "1.22.0"), annotated(fixture.ConfigMap("1-22", "1.22.0")), fixture.ConfigMap("1-22", "1.22.1")},
		{"defaults of Gateway classes", defaults("a"), annotated(defaults("a")), defaults("b")},
		{"Services of tags", tagService("1-22"), annotated(tagService("1-22")), tagService("1-23")},
		{"ProxyConfigs", proxyConfig("debug"), annotated(proxyConfig("debug")), proxyConfig("distroless")},
		{"Gateways", gatewayObject("istio"), nil, gatewayObject("other")},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o := NewObjects()
			want := func(what string, got, want bool) {
				t.Helper()
				if got != want {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
			want("one that never was goes", o.Delete(c.one), false)
			want("it comes", o.Set(c.one), true)
			want("it comes again", o.Set(c.one.DeepCopyObject()), false)
			if c.same != nil {
				want("something else about it changes", o.Set(c.same), false)
			}
			want("it changes", o.Set(c.other), true)
			want("it goes", o.Delete(c.one), true)
			want("it is gone", o.Delete(c.one), false)
			want("it comes back", o.Set(c.one), true)
		})
	}
}

func TestANamespaceIsTerminatingFromItsDeletionUntilItIsGone(t *testing.T) {
	going := metaOf("shop", nil)
	now := metav1.Now()
	going.DeletionTimestamp = &now
	for rule, c := range map[string]struct{ there, going runtime.Object }{
		"as typed":        {&corev1.Namespace{ObjectMeta: metaOf("shop", nil)}, &corev1.Namespace{ObjectMeta: going}},
		"as its metadata": {&metav1.PartialObjectMetadata{ObjectMeta: metaOf("shop", nil)}, &metav1.PartialObjectMetadata{ObjectMeta: going}},
	} {
		t.Run(rule, func(t *testing.T) {
			o := NewObjects()
			want := func(what string, want bool) {
				t.Helper()
				if got := o.Mesh("").Terminating("shop"); got != want {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
			want("not read", false)
			o.Set(c.there)
			want("there", false)
			if before := o.Mesh(""); !o.Set(c.going) || before.Terminating("shop") {
				t.Error("its deletion is no news, or changes what was said before")
			}
			if o.Set(c.going) {
				t.Error("its deletion is news twice")
			}
			want("deleted", true)
			o.Delete(c.going)
			want("gone", false)
		})
	}
}

func TestWhatDoesNotDecideIsPassedOver(t *testing.T) {
	o := NewObjects()
	for rule, object := range map[string]runtime.Object{
		"an application's ConfigMap":        &corev1.ConfigMap{ObjectMeta: metaOf("app", nil)},
		"a Service of no tag":               &corev1.Service{ObjectMeta: metaOf("app", nil)},
		"another validator":                 &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metaOf("other", map[string]string{"istio.io/rev": "x"})},
		"a ProxyConfig that selects nobody": &istionetworking.ProxyConfig{ObjectMeta: metaOf("p", nil), Spec: networkingapi.ProxyConfig{Selector: &typeapi.WorkloadSelector{}}},
		"another kind":                      &corev1.Pod{ObjectMeta: metaOf("p", nil)},
	} {
		if o.Set(object) || o.Delete(object) {
			t.Errorf("%s matters", rule)
		}
	}
}

func TestWhatStopsToMatterIsForgotten(t *testing.T) {
	o := NewObjects()
	tag := &corev1.Service{ObjectMeta: metaOf("s", map[string]string{"istio.io/tag": "prod"})}
	defaults := &corev1.ConfigMap{ObjectMeta: metaOf("d", map[string]string{classDefaultsLabel: "istio"})}
	o.Set(tag)
	o.Set(defaults)
	for _, plain := range []runtime.Object{&corev1.Service{ObjectMeta: metaOf("s", nil)}, &corev1.ConfigMap{ObjectMeta: metaOf("d", nil)}} {
		if !o.Set(plain) || o.Set(plain) || o.Delete(plain) {
			t.Errorf("%T", plain)
		}
	}
}

func TestAMeshDoesNotChangeWithItsObjects(t *testing.T) {
	o := NewObjects()
	for _, object := range []runtime.Object{
		fixture.Injector("1-22"), fixture.ConfigMap("1-22", "1.22.0"),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"istio.io/rev": "1-22"}}},
	} {
		o.Set(object)
	}
	before := o.Mesh("")
	o.Delete(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	o.Delete(fixture.Injector("1-22"))
	if d := before.Decide(cart()); d.Outcome != injection.Injected {
		t.Errorf("the mesh of before says %+v", d)
	}
	if d := o.Mesh("").Decide(cart()); d.Outcome != injection.Unknown {
		t.Errorf("the mesh of now says %+v", d)
	}
}

func TestAGapOfNamespacesIsTheirs(t *testing.T) {
	o := NewObjects()
	o.Lack(Namespaces, cluster.Gap{Missing: "namespace a", Namespaces: []string{"a"}, Err: errors.New("no")})
	if o.gapOf(Namespaces, key{}) != nil || o.gapOf(Namespaces, key{namespace: "b"}) != nil || o.gapOf(Namespaces, key{namespace: "a"}) == nil {
		t.Error("a gap of one namespace is that of others")
	}
	o.Lack(Namespaces, cluster.Gap{Missing: "namespaces", Err: errors.New("no")})
	if o.gapOf(Namespaces, key{}) == nil || len(o.Mesh("").Gaps()) != 2 {
		t.Error("a gap of all is none")
	}
}
