package proxyver

import (
	"io"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
)

// TestNothingIsAskedOfWhatMayBeTheWrongCluster counts the pods that a server is asked to create.
func TestNothingIsAskedOfWhatMayBeTheWrongCluster(t *testing.T) {
	forbidden := forbiddenError()
	injected := fixture.Pod("shop/b", fixture.Injected("1-22", repository+"1.22.0"))
	for _, c := range []struct {
		rule    string
		server  string
		webhook error
		objects []runtime.Object
		asked   int
		err     string
	}{
		{"an injector", "v1.30.0", nil, []runtime.Object{fixture.Injector("1-22"), fixture.Pod("shop/a")}, 1, ""},
		{"neither an injector nor a proxy", "v1.30.0", nil, []runtime.Object{fixture.Pod("shop/a")}, 0, ""},
		{"proxies, but no injector", "v1.30.0", nil, []runtime.Object{fixture.Pod("shop/a"), injected}, 2, ""},
		{"injectors that may not be read", "v1.30.0", forbidden, []runtime.Object{fixture.Pod("shop/a")}, 1, ""},
		{"an old server", "v1.12.3", nil, []runtime.Object{fixture.Injector("1-22"), fixture.Pod("shop/a")}, 0,
			"asking the injector: the server is Kubernetes v1.12.3, and dry runs need 1.18 or later: an older one might create the pods"},
		{"an old server, and nothing to ask", "v1.12.3", nil, []runtime.Object{fixture.Injector("1-22")}, 0, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := faulty.New("1-22", append(c.objects, fixture.ConfigMap("1-22", "1.22.0"))...)
			f.Kube.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: c.server}
			if c.webhook != nil {
				f.Fail("mutatingwebhookconfigurations", c.webhook)
			}
			err := verifyAll(t, f)
			if message(err) != c.err || creations(f) != c.asked {
				t.Errorf("asked %d times, want %d: %v", creations(f), c.asked, err)
			}
		})
	}
}

// verifyAll scans a cluster with --verify.
func verifyAll(t *testing.T, f *faulty.Cluster) error {
	t.Helper()
	m, err := mesh.Read(t.Context(), f.Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := options()
	o.Verify = true
	out, err := o.output(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = o.scan(t.Context(), sourceOf(f, m), out)
	return err
}

func creations(f *faulty.Cluster) int {
	n := 0
	for _, a := range f.Kube.Actions() {
		if a.GetVerb() == "create" && a.GetResource().Resource == "pods" {
			n++
		}
	}
	return n
}
