package dump

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func manyPods(tb testing.TB, n int) runtime.Object {
	pods := make([]runtime.Object, n)
	for i := range pods {
		pods[i] = typical(fmt.Sprintf("shop/cart-%d", i))
	}
	return asList(tb, pods...)
}

const benchPods = 1000

func benchmark(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := Read(bytes.NewReader(text), func(runtime.Object) error { n++; return nil }); err != nil || n != benchPods {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(len(text))/benchPods, "B/pod")
}

func BenchmarkJSON(b *testing.B) { benchmark(b, asJSON(b, manyPods(b, benchPods))) }

func BenchmarkYAML(b *testing.B) { benchmark(b, asYAML(b, manyPods(b, benchPods))) }

// BenchmarkJSONWhole is what reading is compared with: encoding/json, every field, all in memory.
func BenchmarkJSONWhole(b *testing.B) {
	text := asJSON(b, manyPods(b, benchPods))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var list corev1.PodList
		if err := json.Unmarshal(text, &list); err != nil || len(list.Items) != benchPods {
			b.Fatal(err)
		}
	}
}
