package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestBadInputIsAnsweredInOneLine holds the exact message and exit code for what a user can get wrong.
func TestBadInputIsAnsweredInOneLine(t *testing.T) {
	lab := sharedLab(t)
	for name, c := range map[string]struct {
		args   string
		stderr string
	}{
		"unknown output": {"-o xml", `--output "xml": use custom-columns, custom-columns-file, go-template, go-template-file, json, jsonpath, jsonpath-as-json, ` +
			`jsonpath-file, kyaml, name, template, templatefile, wide or yaml`},
		"broken template":      {"-o jsonpath={.items", `--output "jsonpath={.items": error parsing jsonpath {.items, unclosed action`},
		"unknown grouping":     {"--by team", `--by "team": use workload, pod, namespace, version, revision or node`},
		"unknown status":       {"--exit-code=outdatd", `--exit-code=outdatd: "outdatd" is no status; use one or more of unknown, missing, orphaned, unexpected, outdated, ahead, mismatched, current or none`},
		"status as argument":   {"--exit-code outdated", `"outdated" is a status, not TYPE/NAME: to narrow the exit code, write --exit-code=outdated`},
		"name without type":    {"cart", `"cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		"type without name":    {"deployment/", `"deployment/": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		"unknown type":         {"deploymnt/cart", `the server doesn't have a resource type "deploymnt"`},
		"unknown name":         {"deployment/nothing -n default", `deployments.apps "nothing" not found`},
		"names everywhere":     {"-A deployment/cart", `a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names`},
		"broken selector":      {"-l a==b==c", `--selector "a==b==c": found '==', expected: ',' or 'end of string'`},
		"broken field":         {"--field-selector spec.nodeName", `--field-selector "spec.nodeName": invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'`},
		"unknown field":        {"--field-selector spec.nothing=1", `reading pods: field label not supported: spec.nothing`},
		"negative pages":       {"--chunk-size=-1", `--chunk-size -1: use 0 or more`},
		"unknown flag":         {"--nonsense", "unknown flag: --nonsense; see `kubectl mesh-proxyver --help`"},
		"status, everywhere":   {"-A --exit-code outdated", `"outdated" is a status, not TYPE/NAME: to narrow the exit code, write --exit-code=outdated`},
		"empty status":         {"--exit-code=", `--exit-code=: "" is no status; use one or more of unknown, missing, orphaned, unexpected, outdated, ahead, mismatched, current or none`},
		"a namespace":          {"ns/default", "namespace/default is no workload: to see a namespace, use -n default"},
		"a node":               {"node/node-1", "node/node-1 is no workload: to see a node's pods, use --field-selector spec.nodeName=node-1"},
		"a service":            {"svc/kubernetes -n default", "service/kubernetes is no workload: to see the pods behind a Service, use its selector with -l"},
		"a cluster's object":   {"clusterrole/admin", "clusterrole/admin is no workload: pods belong to objects of their namespace"},
		"unknown namespace":    {"-n not-there", "namespace not-there does not exist: see `kubectl get namespaces`"},
		"namespace of no mesh": {"-A -i nowhere", `--istio-namespace nowhere: no injector's control plane is there; there are some in istio-system`},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, kubectl(t, lab, append([]string{"mesh-proxyver"}, strings.Fields(c.args)...)...), 1, "error: "+c.stderr+"\n")
		})
	}
}

func TestAClusterThatIsNotThere(t *testing.T) {
	lab := sharedLab(t)
	run := func(env string, args ...string) result {
		return kubectlWith(t, lab.Tool("kubectl"), []string{env}, append([]string{"mesh-proxyver"}, args...)...)
	}
	t.Run("no configuration", func(t *testing.T) {
		wantFailure(t, run("KUBECONFIG="), 1, "error: no cluster is configured: set KUBECONFIG, "+
			"or pass --kubeconfig or --server (see `kubectl config get-contexts`)\n")
	})
	t.Run("a configuration that is not there", func(t *testing.T) {
		wantFailure(t, run("KUBECONFIG=/nonexistent/config"), 1, "error: no cluster is configured: KUBECONFIG is "+
			`"/nonexistent/config", which holds none (see `+"`kubectl config get-contexts`)\n")
	})
	t.Run("no such context", func(t *testing.T) {
		wantFailure(t, run("KUBECONFIG="+lab.Kubeconfig(), "--context", "elsewhere"), 1,
			"error: finding the namespace of the current context: invalid configuration: context was not found for specified "+
				"context: elsewhere\n")
	})
	t.Run("nobody answers", func(t *testing.T) {
		r := run("KUBECONFIG="+lab.Kubeconfig(), "--server", "https://127.0.0.1:1")
		wantFailure(t, r, 1, "error: reading webhook configurations: Get \"https://127.0.0.1:1/apis/admissionregistration.k8s.io/v1/"+
			"mutatingwebhookconfigurations\": dial tcp 127.0.0.1:1: connect: connection refused; is the cluster up, and the context "+
			"right? See `kubectl config current-context` and `kubectl cluster-info`\n")
	})
	t.Run("credentials that are not accepted", func(t *testing.T) {
		wantFailure(t, run("KUBECONFIG="+lab.Kubeconfig(), "--token", "wrong"), 1,
			"error: reading webhook configurations: Unauthorized; the cluster does not accept these credentials: see `kubectl auth whoami`\n")
	})
}

// TestMalformedPods has pods whose annotations and images are not what Istio writes.
func TestMalformedPods(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "malformed"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	createPods(t, lab,
		newPod(namespace, "status"), newPod(namespace, "image"), newPod(namespace, "overrides", withOwnProxy("example.com/own:1")))
	annotate(t, lab, namespace, "status", "sidecar.istio.io/status={broken")
	annotate(t, lab, namespace, "overrides", "proxy.istio.io/overrides=[]")
	setImage(t, lab, namespace, "image", "NOT/a:reference:1")
	createPods(t, lab, newPod(namespace, "never-injected", withAnnotation("sidecar.istio.io/status", "{broken"), withLabel("sidecar.istio.io/inject", "false")))

	items := proxyver(t, lab, "-n", namespace)
	path := "namespace label istio.io/rev=1-22 -> revision 1-22"
	for pod, want := range map[string]struct{ status, reason string }{
		"status":         {"unknown", path + ": annotation sidecar.istio.io/status is malformed: invalid character 'b' looking for beginning of object key string"},
		"overrides":      {"unknown", path + ": annotation proxy.istio.io/overrides is malformed: json: cannot unmarshal array into Go value of type proxy.overrides"},
		"image":          {"mismatched", path + `; it runs an image that is no reference: image "NOT/a:reference:1": invalid reference format; NOT/a:reference:1 and docker.io/istio/proxyv2:1.22.0 cannot be ordered`},
		"never-injected": {"none", "pod label sidecar.istio.io/inject=false"},
	} {
		if got := items[namespace+"/"+pod]; got.Status != want.status || got.Reason != want.reason {
			t.Errorf("%s is %s: %s\nwant %s: %s", pod, got.Status, got.Reason, want.status, want.reason)
		}
	}
	r := kubectl(t, lab, "mesh-proxyver", "-n", namespace)
	if want := "error: the answer is incomplete: unknown: 2 of 3 pods\n"; r.code != 1 || !strings.HasSuffix(r.stderr, want) {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}

func annotate(t *testing.T, lab *cluster.Cluster, namespace, pod, annotation string) {
	t.Helper()
	if _, err := lab.Kubectl(t.Context(), "annotate", "--overwrite", "pod", pod, "-n", namespace, annotation); err != nil {
		t.Fatal(err)
	}
}

func setImage(t *testing.T, lab *cluster.Cluster, namespace, pod, image string) {
	t.Helper()
	patch := `{"spec":{"initContainers":[{"name":"istio-proxy","image":"` + image + `"}]}}`
	if _, err := lab.Kubectl(t.Context(), "patch", "pod", pod, "-n", namespace, "-p", patch); err != nil {
		t.Fatal(err)
	}
}

// TestAnEmptyAnswer goes to stderr, so that a pipe sees nothing.
func TestAnEmptyAnswer(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "empty", nil)
	createNamespace(t, lab, "plain-only", nil)
	createPods(t, lab, newPod("plain-only", "a"), newPod("plain-only", "b"))
	for namespace, want := range map[string]string{
		"empty":      "No resources found in empty namespace.\n",
		"plain-only": "No resources found in plain-only namespace. Not shown without --all: pods with no proxy that need none: 2; pods that have ended: 0.\n",
	} {
		r := kubectl(t, lab, "mesh-proxyver", "-n", namespace)
		if r.code != 0 || r.stdout != "" || r.stderr != want {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", namespace, r.code, r.stdout, r.stderr)
		}
	}
}
