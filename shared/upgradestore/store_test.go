package upgradestore

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func example() *v1alpha1.CanaryUpgrade {
	return &v1alpha1.CanaryUpgrade{
		Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", IstioNamespace: "istio-system", StableTag: "prod-stable",
		Tags: []v1alpha1.UpgradeTag{{Name: "prod-stable", Before: "1-22", Wrote: []string{"1-23"}}},
		Namespaces: []v1alpha1.UpgradeNamespace{{Name: "shop", UID: "7", Form: v1alpha1.ByTag, Before: map[string]string{"istio.io/rev": "prod-stable"},
			Wrote: []map[string]string{{"istio.io/rev": "1-23"}}}},
	}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	s := New(fake.NewSimpleClientset().CoreV1(), "istio-system")
	if u, err := s.Load(t.Context()); u != nil || err != nil {
		t.Errorf("before: %v, %v", u, err)
	}
	u := example()
	for range 2 {
		if err := s.Save(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		u.Phase = v1alpha1.PhaseCompleting
	}
	u.Phase = v1alpha1.PhaseStarted
	got, err := New(s.configMaps, "istio-system").Load(t.Context())
	if err != nil || got.ChangedAt.IsZero() {
		t.Fatalf("%+v, %v", got, err)
	}
	got.ChangedAt, got.StartedAt, u.ChangedAt = metav1.Time{}, metav1.Time{}, metav1.Time{}
	if u.Phase = got.Phase; !reflect.DeepEqual(got, u) || got.Phase != v1alpha1.PhaseCompleting {
		t.Errorf("got %+v, want %+v", got, u)
	}
}

func TestARecordThatSomebodyElseHasWrittenIsNotOverwritten(t *testing.T) {
	resource := schema.GroupResource{Resource: "configmaps"}
	for verb, refusal := range map[string]error{
		"create": apierrors.NewAlreadyExists(resource, Name), "update": apierrors.NewConflict(resource, Name, errors.New("changed")),
	} {
		c := fake.NewSimpleClientset()
		s := New(c.CoreV1(), "istio-system")
		if verb == "update" {
			if err := s.Save(t.Context(), example()); err != nil {
				t.Fatal(err)
			}
		}
		c.PrependReactor(verb, "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
		if err := s.Save(t.Context(), example()); !errors.Is(err, ErrOvertaken) {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestARecordThatCannotBeReadIsNotPassedOver(t *testing.T) {
	good, err := Encode(&v1alpha1.CanaryUpgrade{TypeMeta: metav1.TypeMeta{Kind: v1alpha1.CanaryUpgradeKind, APIVersion: v1alpha1.APIVersion},
		Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", IstioNamespace: "istio-system", Namespaces: example().Namespaces})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("there is no %q in %s", old, good)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	for text, want := range map[string]string{
		"":                                   "the record is empty",
		edit("phase: started", "phase: odd"): `the record was edited: there is no phase "odd"`,
		edit("from: 1-22", "from: 1-23"):     "the record was edited: it goes from 1-23 to 1-23",
		edit("from: 1-22", `from: ""`):       "the record was edited: from, to or istioNamespace is missing",
		edit("v1alpha1", "v2"):               `the record is of version "mesh.kubectl.dev/v2", and this program reads mesh.kubectl.dev/v1alpha1: use the release that has written it`,
		edit("CanaryUpgrade", "Upgrade"):     `the record is of kind "Upgrade", not CanaryUpgrade`,
		edit("form: tag", "form: none"):      `the record was edited: namespace shop has the form "none"`,
		edit("name: shop", `name: ""`):       `the record was edited: namespace "" has no name, no uid or nothing before`,
		edit("to: ", "into: "):               "the record cannot be read: ",
		string(good[:len(good)/2]):           "the record",
	} {
		s := New(fake.NewSimpleClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: Name},
			Data: map[string]string{key: text}}).CoreV1(), "istio-system")
		_, err := s.Load(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "ConfigMap kubectl-mesh-canary in namespace istio-system: "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
		u := example()
		if err := s.Replace(t.Context(), u); err != nil {
			t.Error(err)
		}
		if got, err := s.Load(t.Context()); err != nil || got.To != "1-23" {
			t.Errorf("given back: %v, %v", got, err)
		}
	}
}

func TestARecordThatIsTooLargeIsRefused(t *testing.T) {
	u := example()
	for i := range 9000 {
		n := u.Namespaces[0]
		n.Name = fmt.Sprintf("a-namespace-with-a-long-name-%05d", i)
		u.Namespaces = append(u.Namespaces, n)
	}
	if _, err := Encode(u); err == nil || !strings.HasSuffix(err.Error(), "move fewer namespaces at a time") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	f.Add([]byte("kind: CanaryUpgrade\napiVersion: mesh.kubectl.dev/v1alpha1\nnamespaces: [{}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := Decode(text)
		if (u == nil) == (err == nil) {
			t.Errorf("%v, %v", u, err)
		}
		if err == nil {
			again, err := Encode(u)
			if err != nil {
				return // It has grown too large.
			}
			if _, err := Decode(again); err != nil {
				t.Errorf("it cannot be read again: %v\n%s", err, again)
			}
		}
	})
}
