package dump

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

func zipped() string {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.Create("istio-proxy.log")
	w.Close()
	return out.String()
}

func tarred() string {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	w.WriteHeader(&tar.Header{Name: "pods.json", Size: 2, Mode: 0o600})
	w.Write([]byte("{}"))
	w.Close()
	return out.String()
}

func TestWhatIsNoDumpIsToldByWhatItLooksLike(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"nothing", "", "it is empty"},
		{"blanks and comments", "\n# nothing\n---\n\n", "it is empty"},
		{"an HTML page", "<!DOCTYPE html><html><body>Login</body></html>", "it is an HTML page"},
		{"XML", "<?xml version='1.0'?><a/>", "it is XML"},
		{"a kubeconfig", "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: me\n  user: {token: secret}\n", "it is a kubeconfig"},
		{"kubectl's table", "NAMESPACE   NAME     READY   STATUS    RESTARTS      AGE\nshop        cart-1   2/2     Running   0             3d\n", "it is the table that kubectl prints without `-o json`"},
		{"kubectl's table with a column of several words", "NAME    READY   NOMINATED NODE   READINESS GATES\ncart    2/2     <none>           <none>\n", "it is the table that kubectl prints without `-o json`"},
		{"kubectl's answer to nothing", "No resources found\n", "kubectl had found nothing"},
		{"kubectl's error", "error: the server doesn't have a resource type \"proxyconfigs\"\n", "it is an error message of kubectl"},
		{"an error of the server", "Error from server (Forbidden): pods is forbidden\n", "it is an error message of kubectl"},
		{"random bytes", "\x00\x01\x02\xfa\xfb", "it is binary"},
		{"a zip", zipped(), "it is a zip archive, as `istioctl bug-report` writes; unpack it first"},
		{"a tar", tarred(), "it is a tar archive; unpack it first"},
		{"a tar in gzip", gzipped(tarred()), "it is a tar archive; unpack it first"},
		{"zstd", "\x28\xb5\x2f\xfd\x04", "it is compressed with zstd; only gzip is unpacked here"},
		{"text", "hello world\n", `what begins in line 1 is not a Kubernetes object, it begins with '"'`},
		{"other JSON", "\n{\"a\": 1}", "what begins in line 2 is not a Kubernetes object, it has no kind"},
		{"other YAML", "---\nversion: 3\nservices: {}\n", "what begins in line 2 is not a Kubernetes object, it has no kind"},
		{"a list of numbers", "[1, 2]", "what begins in line 1 is not a Kubernetes object, it begins with '1'"},
		{"a list of what has no kind", `{"items":[{"a":1}]}`, "what begins in line 1 is not a Kubernetes object, it has no kind"},
		{"an object without a version", `{"kind":"Pod"}`, "what begins in line 1 is not a Kubernetes object, it has no apiVersion"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := read(t, c.text)
			want := "this is no dump of a cluster: " + c.want + "; this makes one: kubectl get mutatingwebhookconfigurations,"
			if r.err == nil || !strings.HasPrefix(r.err.Error(), want) {
				t.Errorf("got  %v\nwant %s", r.err, want)
			}
		})
	}
}

// podWith returns a pod, with more in its metadata, as JSON.
func podWith(more string) string {
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-2","namespace":"shop"` + more + `}}`
}

func TestAMalformedObjectIsNamedWithItsPlace(t *testing.T) {
	const yamlPod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: cart-2\n  namespace: shop\n"
	yamlBefore := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: cart-1\n  namespace: shop\n---\n"
	for _, c := range []struct{ rule, text, want string }{
		{"labels that are a list", pod + "\n" + podWith(`,"labels":["a"]`),
			"object 2 of the dump (pod shop/cart-2, line 2): json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"},
		{"a label that is a number", pod + "\n" + podWith(`,"labels":{"istio.io/rev":1.22}`),
			"object 2 of the dump (pod shop/cart-2, line 2): json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
		{"a label that is a number in YAML", yamlBefore + yamlPod + "  labels:\n    istio.io/rev: 1.22\n",
			"object 2 of the dump (pod shop/cart-2, line 7): json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
		{"a Gateway's label that is a number", `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"gw","namespace":"shop","labels":{"istio.io/rev":1.22}}}`,
			"object 1 of the dump (gateway shop/gw, line 1): json: cannot unmarshal number into Go struct field"},
		{"JSON with a comma missing", pod + "\n{\"apiVersion\":\"v1\" \"kind\":\"Pod\"}",
			"object 2 of the dump (line 2): the JSON is malformed: '\"' where a comma should be"},
		{"JSON with a comma missing between items", `{"kind":"List","apiVersion":"v1","items":[` + pod + "\n" + pod + "]}",
			"object 2 of the dump (line 2): the JSON is malformed: '{' where a comma should be"},
		{"JSON that is malformed deep inside", pod + "\n" + podWith(`,"labels":{"a" "b"}`), "object 2 of the dump (pod shop/cart-2, line 2): invalid character '\"' after object key"},
		{"JSON whose quote never ends", pod + "\n" + podWith(`,"labels":{"a":"b}`) + "\n" + pod, "object 2 of the dump (line 2): the JSON is malformed: invalid character '\\n' in string literal"},
		{"text after JSON", pod + " and more", "line 1: the JSON is malformed: 'a' where the next object should be"},
		{"YAML that does not parse", yamlBefore + yamlPod + "  labels: [\n---\n" + yamlPod, "object 2 of the dump (line 7): yaml: "},
		{"YAML with a tab", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n\t  name: x\n- apiVersion: v1\n", "object 1 of the dump (line 4): yaml: line 7: found character that cannot start any token"},
		{"a list without a kind in the middle", "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n---\n" + yamlPod, "the list that begins in line 1 is malformed: it has items, but no kind"},
		{"no name", `{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop"}}`, "object 1 of the dump (pod shop/, line 1): it has no name, so it is not from a cluster"},
		{"no namespace", "kind: Pod\napiVersion: v1\nmetadata:\n  name: cart-1\n", "object 1 of the dump (pod cart-1, line 1): it has no namespace, so it is not from a cluster"},
		{"no kind", pod + `{"apiVersion":"v1"}`, "object 2 of the dump (line 1): it is not a Kubernetes object, it has no kind"},
		{"no kind in a list", `{"kind":"List","apiVersion":"v1","items":[` + pod + "\n,{\"apiVersion\":\"v1\"}]}", "object 2 of the dump (line 2): it is not a Kubernetes object, it has no kind"},
		{"nothing in a list", `{"kind":"List","apiVersion":"v1","items":[` + pod + ",null]}", "object 2 of the dump (line 1): it is not a Kubernetes object, it begins with 'n'"},
		{"something that has items", `{"apiVersion":"v1","items":[` + pod + `],"kind":"Pod"}`, "object 2 of the dump (line 1): it is a Pod, not a list, and has items"},
		{"an error of the API server", pod + `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden"}`, `object 2 of the dump (line 1): it is an error of the API server: "pods is forbidden"`},
		{"lists without end", strings.Repeat(`{"items":[`, 100), "object 1 of the dump (line 1): lists stand in lists, deeper than 16"},
		{"an object that is in the dump in two states", pod + "\n" + podWith("") + "\n" + strings.Replace(pod, "}}", `,"labels":{"a":"b"}}}`, 1),
			"object 3 of the dump (pod shop/cart-1, line 3): object 1 is the same in another state, so the dump mixes two clusters or two moments; make it with one command"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if r := read(t, c.text); r.err == nil || !strings.HasPrefix(r.err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", r.err, c.want)
			}
		})
	}
}

func TestWhatWasReadBeforeAnErrorIsReturned(t *testing.T) {
	if r := read(t, pod+podWith(`,"labels":[]`)); r.err == nil || len(r.names) != 1 || r.Objects[Pods] != 1 {
		t.Errorf("%v, %v", r.names, r.Contents)
	}
}

// endless is an object that never ends.
type endless struct{ start string }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	e.start = e.start[n:]
	for i := n; i < len(p); i++ {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestAnObjectOfNoEndIsAnError(t *testing.T) {
	for _, start := range []string{pod + `{"apiVersion":"`, pod + "\n---\na: ", `{"kind":"List","apiVersion":"v1","items":[` + pod + `,{"a":`} {
		_, err := Read(&endless{start}, func(runtime.Object) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "object 2 of the dump (line ") || !strings.HasSuffix(err.Error(), "it is larger than 64 MiB, which no object of a cluster is") {
			t.Error(err)
		}
	}
}

func TestErrorsOfReaderAndCallerEndTheReading(t *testing.T) {
	broken := errors.New("broken pipe")
	cut := io.MultiReader(strings.NewReader(pod+pod[:20]), &failing{broken})
	if _, err := Read(cut, func(runtime.Object) error { return nil }); !errors.Is(err, broken) || err.Error() != "reading the dump, after pod shop/cart-1: broken pipe" {
		t.Error(err)
	}
	if _, err := Read(&failing{broken}, func(runtime.Object) error { return nil }); !errors.Is(err, broken) {
		t.Error(err)
	}
	stop := errors.New("enough")
	n := 0
	if _, err := Read(strings.NewReader(pod+podWith("")), func(runtime.Object) error { n++; return stop }); err != stop || n != 1 {
		t.Error(n, err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
