package main

import (
	"bytes"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// encoded is a page of pods as the API server writes it.
func encoded(t testing.TB, token string) []byte {
	t.Helper()
	left := int64(1500)
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "42", Continue: token, RemainingItemCount: &left}}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	for range 3 {
		list.Items = append(list.Items, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("a", 1000)}})
	}
	var out bytes.Buffer
	if err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(list, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheTokenIsFoundInTheBeginningOfAPage(t *testing.T) {
	long := strings.Repeat("token", 50)
	for _, want := range []string{"", "next", long} {
		page := encoded(t, want)
		for _, head := range [][]byte{page, page[:500]} {
			got, err := continueToken(head)
			if err != nil || got != want {
				t.Errorf("in %d of %d bytes: got %q, %v; want %q", len(head), len(page), got, err, want)
			}
		}
	}
}

func TestWhatIsNoListIsAnError(t *testing.T) {
	page := encoded(t, "next")
	for name, head := range map[string][]byte{
		"nothing": nil, "JSON": []byte(`{"kind":"PodList"}`), "only the envelope": page[:4], "half the metadata": page[:30],
	} {
		if token, err := continueToken(head); err == nil {
			t.Errorf("%s: got %q and no error", name, token)
		}
	}
}

func FuzzContinueToken(f *testing.F) {
	f.Add(encoded(f, ""))
	f.Add(encoded(f, "next"))
	f.Fuzz(func(t *testing.T, head []byte) { _, _ = continueToken(head) })
}
