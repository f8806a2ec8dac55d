package retirement

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/rest"
	restfake "k8s.io/client-go/rest/fake"
	clienttesting "k8s.io/client-go/testing"

	istiofake "istio.io/client-go/pkg/clientset/versioned/fake"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
)

// world is a cluster in memory.
type world struct {
	kube     *kubefake.Clientset
	metadata *metadatafake.FakeMetadataClient
	dynamic  *dynamicfake.FakeDynamicClient
	// istiod answers what is asked of its debug interface at "POD:PORT".
	istiod func(at string) (code int, body string)
}

// in returns a cluster of the objects: metadata of namespaces and ReplicaSets, Gateways, and typed objects.
func in(objects ...runtime.Object) *world {
	s := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(s); err != nil {
		panic(err)
	}
	var typed, metadata []runtime.Object
	var gateways []*unstructured.Unstructured
	for _, o := range objects {
		switch o := o.(type) {
		case *metav1.PartialObjectMetadata:
			metadata = append(metadata, o)
		case *unstructured.Unstructured:
			gateways = append(gateways, o)
		default:
			typed = append(typed, o)
		}
	}
	resource := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Resource: "gateways", Version: "v1"}
	w := &world{
		kube: kubefake.NewSimpleClientset(typed...), metadata: metadatafake.NewSimpleMetadataClient(s, metadata...),
		dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{resource: "GatewayList"}),
		istiod:  func(string) (int, string) { return http.StatusUnauthorized, "" },
	}
	// The plural that the fake would guess is "gatewaies".
	for _, g := range gateways {
		if err := w.dynamic.Tracker().Create(resource, g, g.GetNamespace()); err != nil {
			panic(err)
		}
	}
	return w
}

func (w *world) fail(resource string, err error) {
	fault := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err }
	for _, f := range []*clienttesting.Fake{&w.kube.Fake, &w.metadata.Fake, &w.dynamic.Fake} {
		f.PrependReactor("*", resource, fault)
	}
}

func (w *world) clients() *cluster.Clients {
	return &cluster.Clients{Kube: w.kube, Metadata: w.metadata, Dynamic: w.dynamic, Istio: istiofake.NewSimpleClientset(), Core: w.core()}
}

// core answers for istiods, and passes on what is asked of pods.
func (w *world) core() rest.Interface {
	plain := faulty.Core(w.kube)
	client, err := rest.NewRESTClient(&url.URL{Scheme: "http", Host: "world"}, "/api/v1", rest.ClientContentConfig{
		ContentType: runtime.ContentTypeProtobuf, GroupVersion: corev1.SchemeGroupVersion,
		Negotiator: runtime.NewClientNegotiator(scheme.Codecs.WithoutConversion(), corev1.SchemeGroupVersion),
	}, nil, restfake.CreateHTTPClient(func(r *http.Request) (*http.Response, error) {
		if at, asked := strings.CutSuffix(r.URL.Path, "/proxy/debug/syncz"); asked {
			code, body := w.istiod(at[strings.LastIndex(at, "/")+1:])
			return response(code, runtime.ContentTypeJSON, []byte(body)), nil
		}
		get := plain.Get().AbsPath(r.URL.Path)
		for name, values := range r.URL.Query() {
			get = get.Param(name, values[0])
		}
		body, err := get.Stream(r.Context())
		var refusal apierrors.APIStatus
		switch {
		case errors.As(err, &refusal):
			status := refusal.Status()
			status.APIVersion, status.Kind = "v1", "Status"
			text, err := json.Marshal(status)
			return response(int(status.Code), runtime.ContentTypeJSON, text), err
		case err != nil:
			return nil, err
		default:
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": []string{runtime.ContentTypeProtobuf}}, Body: body}, nil
		}
	}))
	if err != nil {
		panic(err)
	}
	return client
}

func response(code int, kind string, body []byte) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": []string{kind}}, Body: io.NopCloser(bytes.NewReader(body))}
}

func (w *world) read(t *testing.T) *Facts {
	t.Helper()
	f, err := Read(t.Context(), w.clients(), Options{Revision: "1-22", IstioNamespace: fixture.IstioNamespace, Chunk: 500})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func namespace(name string, labels map[string]string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

// replicaSet is that of a Deployment in the namespace shop.
func replicaSet(name, deployment string) *metav1.PartialObjectMetadata {
	yes := true
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "Deployment", Name: deployment, Controller: &yes},
		}},
	}
}

func gatewayObject(namespace, name string, labels map[string]string) *unstructured.Unstructured {
	g := &unstructured.Unstructured{}
	g.SetAPIVersion("gateway.networking.k8s.io/v1")
	g.SetKind("Gateway")
	g.SetNamespace(namespace)
	g.SetName(name)
	g.SetLabels(labels)
	return g
}

func template(labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app:1"}}},
	}
}

func deployment(namespace, name string, running int32, labels map[string]string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       appsv1.DeploymentSpec{Template: template(labels)}, Status: appsv1.DeploymentStatus{Replicas: running},
	}
}

func cronJob(namespace, name string, labels map[string]string) *batchv1.CronJob {
	return &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template(labels)}}},
	}
}

func job(name string, conditions ...batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: batchv1.JobSpec{Template: template(nil)}}
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return j
}

func istiodPod(name, revision string, phase corev1.PodPhase) *corev1.Pod {
	return fixture.Pod(fixture.IstioNamespace+"/"+name, fixture.Label("app", "istiod"), fixture.Label("istio.io/rev", revision), inPhase(phase))
}

func inPhase(phase corev1.PodPhase) fixture.PodOption {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

// identified gives an object a UID and a resource version of its own.
func identified[O metav1.Object](o O) O {
	o.SetUID(types.UID("uid-of-" + o.GetName()))
	o.SetResourceVersion("version-of-" + o.GetName())
	return o
}
