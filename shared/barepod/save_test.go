package barepod

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/eras"
	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
)

const uid = "0b9c2b1e-5a53-4f0e-9d3c-0a1b2c3d4e5f"

// running is a pod as the API server gives it, with what must not be sent when it is created.
func running(id string, options ...fixture.PodOption) *corev1.Pod {
	p := fixture.Pod(id, options...)
	p.UID, p.ResourceVersion, p.Spec.NodeName = uid, "42", "node-3"
	p.CreationTimestamp = metav1.Now()
	return p
}

func save(t *testing.T, dir string, pod *corev1.Pod) string {
	t.Helper()
	path, err := Save(dir, pod)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func leftovers(t *testing.T, dir string) []Leftover {
	t.Helper()
	found, err := Leftovers(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWhatIsSavedIsFoundAsItWasBeforeInjection(t *testing.T) {
	plain := fixture.Pod("shop/debug", fixture.Annotation("note", "a: b\n# \"c\"\t"), fixture.Label("version", "1.10"))
	plain.Spec.Containers[0].Args = []string{"0x10", "yes", "null", "1e3", " ", "--- |"}
	injected := plain.DeepCopy()
	fixture.Injected("1-22", "istio/proxyv2:1.22.0")(injected)
	injected.UID, injected.ResourceVersion, injected.Spec.NodeName = uid, "42", "node-3"
	for rule, pod := range map[string]*corev1.Pod{"a pod that was never injected": plain, "one that was": injected} {
		t.Run(rule, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "deep", "down")
			path := save(t, dir, pod)
			found := leftovers(t, dir)
			if len(found) != 1 || found[0].Err != nil || found[0].Path != path || found[0].UID != pod.UID ||
				found[0].Namespace != "shop" || found[0].Name != "debug" {
				t.Fatalf("found %+v", found)
			}
			got := found[0].Pod
			if got.Kind != "Pod" || got.APIVersion != "v1" || got.ResourceVersion+string(got.UID)+got.Spec.NodeName != "" {
				t.Errorf("got %+v", got)
			}
			if !equality.Semantic.DeepEqual(got.Spec, plain.Spec) || !equality.Semantic.DeepEqual(got.ObjectMeta, plain.ObjectMeta) {
				t.Errorf("got  %+v\nwant %+v", got, plain)
			}
		})
	}
}

func TestPodsOfEveryEraAreFoundAgain(t *testing.T) {
	all, err := eras.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, era := range all {
		t.Run(era.Release, func(t *testing.T) {
			for _, pod := range era.Pods {
				dir := t.TempDir()
				save(t, dir, &pod)
				want, err := manifest.Of(&pod)
				if err != nil {
					t.Fatal(err)
				}
				if found := leftovers(t, dir); len(found) != 1 || found[0].Err != nil || !equality.Semantic.DeepEqual(found[0].Pod, want) {
					t.Errorf("%s/%s: found %+v", pod.Namespace, pod.Name, found)
				}
			}
		})
	}
}

func TestAFileIsNamedByThePod(t *testing.T) {
	long := strings.Repeat("n", 253)
	for _, c := range []struct {
		rule, namespace, name string
		uid                   types.UID
		want                  string
	}{
		{"by namespace, name and UID", "shop", "debug.v1", uid, "shop_debug.v1_" + uid + ".yaml"},
		{"nothing leads out of the directory", "..", "../../etc/x", "a/b", ".._..-..-etc-x_a-b.yaml"},
		{"nothing is taken for a separator", "a_b", "c d", "é", "a-b_c-d_-.yaml"},
		{"a long name is cut", "shop", long, uid, "shop_" + long[:140] + "_" + uid + ".yaml"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := fileName(c.namespace, c.name, c.uid)
			if got != c.want || len(got) > 255 {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if namespace, name, uid, err := split(got); err != nil || fileName(namespace, name, uid) != got {
				t.Errorf("it is read as %q, %q, %q: %v", namespace, name, uid, err)
			}
		})
	}
}

func TestALongNameIsWholeInTheManifest(t *testing.T) {
	dir, name := t.TempDir(), strings.Repeat("n", 253)
	save(t, dir, running(strings.Repeat("s", 63)+"/"+name))
	if found := leftovers(t, dir); len(found) != 1 || found[0].Err != nil || found[0].Name != name {
		t.Errorf("found %+v", found)
	}
}

func TestFilesAreForTheUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := save(t, dir, running("shop/debug"))
	for at, want := range map[string]os.FileMode{path: 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
		info, err := os.Stat(at)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", at, info.Mode(), err)
		}
	}
}

func TestSavingAgainReplacesAndLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, running("shop/debug"))
	path := save(t, dir, running("shop/debug", fixture.Label("app", "new")))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Fatalf("found %v, %v", entries, err)
	}
	if found := leftovers(t, dir); found[0].Pod.Labels["app"] != "new" {
		t.Errorf("found %+v", found)
	}
}

func TestWhatCannotBeSavedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	malformed := running("shop/debug", fixture.Annotation("sidecar.istio.io/status", "{"))
	for _, c := range []struct {
		rule, dir string
		pod       *corev1.Pod
		want      string
	}{
		{"a manifest that cannot be found", t.TempDir(), malformed, "annotation sidecar.istio.io/status is malformed"},
		{"a file in the directory's place", file, running("shop/debug"), "keeping the manifest of pod shop/debug: "},
		{"a file above it", filepath.Join(file, "a"), running("shop/debug"), "making the directory for the manifest of pod shop/debug: "},
	} {
		t.Run(c.rule, func(t *testing.T) {
			path, err := Save(c.dir, c.pod)
			if path != "" || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v", path, err)
			}
		})
	}
}
