package podlist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// encoded is a list as API servers send it in protobuf.
func encoded(t testing.TB, list *corev1.PodList) []byte {
	t.Helper()
	var body bytes.Buffer
	encoder := scheme.Codecs.EncoderForVersion(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), corev1.SchemeGroupVersion)
	if err := encoder.Encode(list, &body); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// read is what a page says of itself and of its pods.
func read(in io.Reader) (header, []proxy.Pod, error) {
	var head header
	var pods []proxy.Pod
	err := readPage(in, &decoder{names: interned{}}, func(h header) error { head = h; return nil },
		func(p proxy.Pod) error { pods = append(pods, p); return nil })
	return head, pods, err
}

// zoo has a pod for everything that proxy.FromPod looks at.
func zoo() []corev1.Pod {
	deleted := metav1.Now()
	many := fixture.Pod("shop/many", fixture.Injected("1-23", "docker.io/istio/proxyv2:1.23.0"))
	for range 1000 {
		many.Spec.Containers = append([]corev1.Container{{Name: "app", Image: "example.com/app:1", Args: []string{"a", "b"}}}, many.Spec.Containers...)
	}
	pods := []*corev1.Pod{
		fixture.Pod("shop/bare"),
		fixture.Pod("shop/injected", fixture.Label("app", "cart"), fixture.Injected("1-23", "docker.io/istio/proxyv2:1.23.0"),
			fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-1"), func(p *corev1.Pod) {
				p.OwnerReferences[0].UID = "owner"
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Unix(1700000007, 0)}}
			}),
		fixture.Pod("shop/native", fixture.NativeProxy("docker.io/istio/proxyv2:1.23.0"), func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(1700000003, 0)},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(1700000007, 0)}}
			p.UID, p.CreationTimestamp = "u", metav1.Unix(1700000001, 0)
			p.Spec.NodeName, p.Spec.HostNetwork, p.DeletionTimestamp = "node-1", true, &deleted
		}),
		fixture.Pod("shop/gateway", fixture.Proxy("auto", "proxy", "router")),
		fixture.Pod("kube-system/cni", fixture.Label("k8s-app", "istio-cni-node"), func(p *corev1.Pod) {
			p.Spec.Containers = []corev1.Container{{Name: "install-cni", Image: "docker.io/istio/install-cni:1.23.0"}}
		}),
		fixture.Pod("shop/large", fixture.Annotation("sidecar.istio.io/status", strings.Repeat("x", 1<<20)), fixture.Annotation("other", strings.Repeat("y", 1<<20))),
		many,
	}
	var list []corev1.Pod
	for _, p := range pods {
		list = append(list, *p)
	}
	return list
}

// wanted is what the typed decoder makes of the pods, less the annotations that nobody reads.
func wanted(list []corev1.Pod) []proxy.Pod {
	var pods []proxy.Pod
	for i := range list {
		p := proxy.FromPod(list[i].DeepCopy())
		for name := range p.Annotations {
			if !proxy.Reads(name) {
				delete(p.Annotations, name)
			}
		}
		if len(p.Annotations) == 0 {
			p.Annotations = nil
		}
		if len(p.Labels) == 0 {
			p.Labels = nil
		}
		if c := p.Controller; c != nil {
			p.Controller = &metav1.OwnerReference{APIVersion: c.APIVersion, Kind: c.Kind, Name: c.Name, UID: c.UID, Controller: c.Controller}
		}
		pods = append(pods, p)
	}
	return pods
}

func TestAPodIsReadAsTheTypedDecoderReadsIt(t *testing.T) {
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "token"}, Items: zoo()}
	head, pods, err := read(bytes.NewReader(encoded(t, list)))
	if err != nil || head != (header{token: "token", resourceVersion: "7"}) {
		t.Fatalf("got %+v, %v", head, err)
	}
	for i, want := range wanted(list.Items) {
		if i >= len(pods) || !reflect.DeepEqual(pods[i], want) {
			t.Errorf("%s: got %+v, want %+v", want.Name, pods[i], want)
		}
	}
}

func TestAListInJSONIsReadToo(t *testing.T) {
	list := &corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: metav1.ListMeta{Continue: "token"}, Items: zoo()[:2]}
	text, err := runtime.Encode(scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion), list)
	if err != nil {
		t.Fatal(err)
	}
	head, pods, err := read(bytes.NewReader(text))
	if err != nil || head.token != "token" || len(pods) != 2 || pods[1].Name != "injected" {
		t.Errorf("got %+v, %d pods, %v", head, len(pods), err)
	}
}

func TestAPageThatEndsEarlyHandsOnWhatIsWhole(t *testing.T) {
	items := zoo()[:5]
	whole := encoded(t, &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: items})
	want := wanted(items)
	// The envelope ends in two empty fields; without them the list is whole all the same.
	const envelope = 4
	for length := range len(whole) - envelope {
		_, pods, err := read(bytes.NewReader(whole[:length]))
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(pods) >= len(items) {
			t.Fatalf("%d of %d bytes: %d pods, %v", length, len(whole), len(pods), err)
		}
		for i := range pods {
			if !reflect.DeepEqual(pods[i], want[i]) {
				t.Fatalf("%d of %d bytes: got %+v", length, len(whole), pods[i])
			}
		}
	}
}

func TestAnEmptyListIsBegun(t *testing.T) {
	for _, list := range []*corev1.PodList{{}, {ListMeta: metav1.ListMeta{ResourceVersion: "7"}}} {
		begun := 0
		err := readPage(bytes.NewReader(encoded(t, list)), &decoder{names: interned{}},
			func(header) error { begun++; return nil }, func(proxy.Pod) error { return errors.New("a pod") })
		if err != nil || begun != 1 {
			t.Errorf("begun %d times, %v", begun, err)
		}
	}
}

// podList is the start of a page's envelope.
const podList = "k8s\x00\x0a\x09\x12\x07PodList"

func TestWhatIsNoListIsSaid(t *testing.T) {
	for in, want := range map[string]string{
		"\x00\x01":                              "malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"\\x00\\x01\"",
		"<html>":                                `malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with "<htm"`,
		"{\"kind\":\"Status\"}":                 `malformed list: it is a "Status"`,
		"{]":                                    "malformed list: invalid character ']' looking for beginning of object key string",
		"k8s\x00\x08\x01":                       "malformed list: field 1 has wire type 0",
		"k8s\x00\x12\x04\x12\x7fab":             `malformed list: it is a ""`,
		"k8s\x00\x0a\x08\x12\x06Status\x12\x00": `malformed list: it is a "Status"`,
		"k8s\x00\x0a\x01\x12":                   "malformed list: its type: unexpected EOF",
		podList + "\x12\x04\x12\x7fab":          "malformed list: a message of 127 bytes does not fit the list",
		podList + "\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01": "malformed list: a number is too long",
		podList + "\x12\x04\x12\x00\x0a\x00":                         "malformed list: its metadata come after its pods",
	} {
		_, pods, err := read(strings.NewReader(in))
		if err == nil || err.Error() != want || len(pods) > 1 {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

// FuzzReadPage holds the reader to the typed decoder: whatever both accept is the same, and what the typed decoder
// accepts in any form is read in the form in which API servers send it.
func FuzzReadPage(f *testing.F) {
	for _, p := range zoo()[:5] {
		f.Add(encoded(f, &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "token"}, Items: []corev1.Pod{p}}))
	}
	f.Add(encoded(f, &corev1.PodList{Items: zoo()[:5]}))
	f.Add([]byte(`{"kind":"PodList","items":[{"metadata":{"name":"a"}}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		head, pods, err := read(bytes.NewReader(in))
		list, typedErr := typed(in)
		if typedErr != nil {
			return
		}
		if err == nil {
			wantEqual(t, list, head, pods)
		}
		head, pods, err = read(bytes.NewReader(encoded(t, list)))
		if err != nil {
			t.Fatalf("what the typed decoder accepts is refused: %v", err)
		}
		wantEqual(t, list, head, pods)
	})
}

// typed is what client-go's decoder makes of a page in protobuf.
func typed(in []byte) (*corev1.PodList, error) {
	var list corev1.PodList
	if !bytes.HasPrefix(in, magic) {
		return nil, errors.New("not in protobuf")
	}
	decoded, kind, err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Decode(in, nil, &list)
	switch {
	case err != nil:
		return nil, err
	case decoded != &list || *kind != corev1.SchemeGroupVersion.WithKind(podListKind):
		return nil, fmt.Errorf("a %s", kind)
	default:
		return &list, nil
	}
}

func wantEqual(t *testing.T, list *corev1.PodList, head header, pods []proxy.Pod) {
	t.Helper()
	if want := (header{token: list.Continue, resourceVersion: list.ResourceVersion}); head != want {
		t.Errorf("got %+v, want %+v", head, want)
	}
	want := wanted(list.Items)
	if len(pods) != len(want) {
		t.Fatalf("%d pods, want %d", len(pods), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(pods[i], want[i]) {
			t.Errorf("got  %+v\nwant %+v", pods[i], want[i])
		}
	}
}
