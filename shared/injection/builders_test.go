package injection

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/eras"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

const (
	oldImage = "docker.io/istio/proxyv2:1.22.0"
	newImage = "docker.io/istio/proxyv2:1.23.0"
)

type set = map[string]string

func owner(name string) revision.ControlPlane {
	return revision.ControlPlane{Namespace: fixture.IstioNamespace, Revision: name}
}

// twoRevisions is a mesh of revisions 1-22 and 1-23 with a tag on each, and no default. The changes are made to the
// configuration of 1-22.
func twoRevisions(t *testing.T, changes ...func(data set)) *Mesh {
	t.Helper()
	return &Mesh{
		Injectors: injectors(fixture.Injector("1-22"), fixture.Injector("1-23"),
			fixture.TagInjector("prod-stable", "1-22"), fixture.TagInjector("prod-canary", "1-23")),
		Configs: map[revision.ControlPlane]Config{owner("1-22"): config(t, "1.22.0", changes...), owner("1-23"): config(t, "1.23.0")},
	}
}

func injectors(configurations ...*admissionv1.MutatingWebhookConfiguration) []revision.Injector {
	var list []admissionv1.MutatingWebhookConfiguration
	for _, c := range configurations {
		list = append(list, *c)
	}
	return revision.Injectors(list)
}

func config(t *testing.T, version string, changes ...func(data set)) Config {
	t.Helper()
	data := fixture.InjectorData(version)
	for _, change := range changes {
		change(data)
	}
	c, err := ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// discovering is a configuration with those discovery selectors.
func discovering(t *testing.T, selectors string) Config {
	t.Helper()
	c, err := ParseConfig(fixture.InjectorData("1.22.0"), set{"mesh": "discoverySelectors: " + selectors})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func pod(options ...fixture.PodOption) proxy.Pod {
	return proxy.FromPod(fixture.Pod("shop/cart-1", options...))
}

func follows(rev string) set { return set{"istio.io/rev": rev} }

// eraData returns the data of the injectors' ConfigMaps of every era.
func eraData(t testing.TB) []set {
	t.Helper()
	all, err := eras.All()
	if err != nil {
		t.Fatal(err)
	}
	var data []set
	for _, era := range all {
		for name, d := range era.ConfigMaps {
			if strings.HasPrefix(name, "istio-sidecar-injector") {
				data = append(data, d)
			}
		}
	}
	return data
}

// ofOldRelease is a mesh of one injector of before revisions, with that one template and, if not empty, those values.
func ofOldRelease(t *testing.T, template, values string) *Mesh {
	t.Helper()
	c, err := ParseConfig(oldData(template, values))
	if err != nil {
		t.Fatal(err)
	}
	old := fixture.Injector("default")
	old.Labels = set{"app": "sidecarInjectorWebhook"}
	return &Mesh{Injectors: injectors(old), Configs: map[revision.ControlPlane]Config{owner("default"): c}}
}

func oldData(template, values string) set {
	data := set{"config": "policy: enabled\ntemplate: |\n  " + strings.ReplaceAll(template, "\n", "\n  ")}
	if values != "" {
		data["values"] = values
	}
	return data
}
