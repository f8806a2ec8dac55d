package dryrun

import (
	"testing"

	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
)

func TestServersThatMightCreateThePodsAreNotAsked(t *testing.T) {
	tooOld := func(v string) string {
		return "the server is Kubernetes " + v + ", and dry runs need 1.18 or later: an older one might create the pods"
	}
	for server, want := range map[string]string{
		"v1.12.10":             tooOld("v1.12.10"),
		"v1.17.17-gke.9100":    tooOld("v1.17.17-gke.9100"),
		"v1.18.0":              "",
		"v1.30.2+k3s1":         "",
		"v1.31.1-eks-a737599":  "",
		"v1.36.0-rc.1.2+abcde": "",
		"devel":                `the server's version "devel" cannot be read, so that it is not sure to know dry runs: could not parse "devel" as version`,
	} {
		kube := fake.NewSimpleClientset()
		kube.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: server}
		if got := text(Supported(t.Context(), kube)); got != want {
			t.Errorf("%s: got %q, want %q", server, got, want)
		}
		for _, a := range kube.Actions() {
			if a.GetVerb() != "get" {
				t.Errorf("sent %v", a)
			}
		}
	}
}
