package dump

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestAnEmptyTypedListCoversItsKind(t *testing.T) {
	for _, c := range []struct {
		text    string
		covered bool
	}{
		{`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}`, true},
		{`{"apiVersion":"v1","items":[],"kind":"PodList"}`, true},
		{`{"kind":"PodList","apiVersion":"v1","items":null}`, true},
		{`{"kind":"PodList","apiVersion":"v1"}`, true},
		{"apiVersion: v1\nitems: []\nkind: PodList\n", true},
		{"apiVersion: v1\nkind: PodList\nitems:\n", true},
		{`{"kind":"List","apiVersion":"v1","items":[]}`, false},
		{`{"kind":"PodList","apiVersion":"example.com/v1","items":[]}`, false},
	} {
		r := read(t, c.text)
		if r.err != nil || r.Cut != "" || r.Covers(Pods) != c.covered || r.Objects[Pods] != 0 {
			t.Errorf("%s: %+v, %v", c.text, r.Contents, r.err)
		}
	}
}

func TestAListThatNamesANextPageIsPartial(t *testing.T) {
	for _, text := range []string{
		`{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"abc","remainingItemCount":3},"items":[]}`,
		"apiVersion: v1\nitems:\n- metadata:\n    name: cart-1\n    namespace: shop\nkind: PodList\nmetadata:\n  continue: abc\n",
	} {
		if r := read(t, text); r.err != nil || !reflect.DeepEqual(r.Partial, []schema.GroupKind{Pods}) {
			t.Errorf("%+v, %v", r.Contents, r.err)
		}
	}
}

func TestAnObjectThatIsThereTwiceIsHandedOverOnce(t *testing.T) {
	stamped := strings.Replace(pod, `"name"`, `"uid":"u","resourceVersion":"7","name"`, 1)
	old := `{"apiVersion":"extensions/v1beta1","kind":"Deployment","metadata":{"name":"cart","namespace":"shop","uid":"u","resourceVersion":"8"}}`
	for _, text := range []string{
		pod + pod, stamped + strings.Replace(stamped, "{\"name", `{"labels":{},"name`, 1),
		old + strings.Replace(old, "extensions/v1beta1", "apps/v1", 1),
	} {
		if r := read(t, text); r.err != nil || len(r.names) != 1 || r.Repeated != 1 {
			t.Errorf("%v, %+v, %v", r.names, r.Contents, r.err)
		}
	}
}

func TestObjectsOfOldVersionsAreRead(t *testing.T) {
	for _, c := range []struct {
		apiVersion, kind string
		want             schema.GroupKind
	}{
		{"extensions/v1beta1", "DaemonSet", DaemonSets},
		{"extensions/v1beta1", "ReplicaSet", ReplicaSets},
		{"apps/v1beta2", "Deployment", Deployments},
		{"admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", MutatingWebhooks},
		{"gateway.networking.k8s.io/v1alpha2", "Gateway", Gateways},
	} {
		r := read(t, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"a","namespace":"b"}}`, c.apiVersion, c.kind))
		if r.err != nil || len(r.names) != 1 || r.Objects[c.want] != 1 {
			t.Errorf("%s: %+v, %v", c.apiVersion, r.Contents, r.err)
		}
	}
}

func TestOtherKindsAreCountedAndNotHandedOver(t *testing.T) {
	r := read(t, `{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{"name":"gw","namespace":"shop"}}
		{"apiVersion":"example.com/v1","kind":"AllowList","metadata":{"name":"an-object-all-the-same"},"spec":[]}
		{"apiVersion":"v1","kind":"Secret","metadata":[]}`)
	if got := r.String(); r.err != nil || r.names != nil || got != "1 AllowList.example.com, 1 Gateway.networking.istio.io, 1 Secret" {
		t.Errorf("%s, %v, %v", got, r.names, r.err)
	}
	if got := (Contents{}).String(); got != "no objects" {
		t.Error(got)
	}
}

func TestTheCommandAsksForTheKindsThatAreRead(t *testing.T) {
	// These are read where they are there.
	optional := []schema.GroupKind{ReplicationControllers, ValidatingWebhooks}
	for kind := range readings {
		if !slices.Contains(optional, kind) && !strings.Contains(Command, strings.ToLower(kind.Kind)+"s") {
			t.Errorf("%s is not in %s", kind, Command)
		}
	}
}

// counting counts what was read.
type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestObjectsAreHandedOverAsTheyComeAndNotHeld(t *testing.T) {
	const pods = 300
	list := manyPods(t, pods)
	for format, text := range map[string][]byte{"JSON": asJSON(t, list), "YAML": asYAML(t, list)} {
		in := &counting{Reader: strings.NewReader(string(text))}
		n := 0
		_, err := Read(in, func(o runtime.Object) error {
			n++
			if ahead := in.n - len(text)*n/pods; ahead > 2*window {
				return fmt.Errorf("%d bytes ahead of %s", ahead, o.(metav1.Object).GetName())
			}
			return nil
		})
		if err != nil || n != pods {
			t.Errorf("%s: %d pods, %v", format, n, err)
		}
	}
}
