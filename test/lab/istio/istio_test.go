package istio

import (
	"slices"
	"testing"
)

func TestARevisionsNameSuggestsItsTag(t *testing.T) {
	for revision, want := range map[string]string{"1-22": "1.22.0", "1-22-3": "1.22.3", "asm-1-22": "1.22.0"} {
		if got, err := GuessTag(revision); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", revision, got, err, want)
		}
	}
	for _, revision := range []string{"canary", "default", ""} {
		if got, err := GuessTag(revision); err == nil {
			t.Errorf("%s: got %q, want an error", revision, got)
		}
	}
}

func TestNamesFollowTheChart(t *testing.T) {
	for _, c := range []struct {
		id                         ID
		name, service, injectorMap string
		injector, validator        string
	}{
		{id: NewID("", ""), name: "istiod-default", service: "istiod", injectorMap: "istio-sidecar-injector",
			injector: "istio-sidecar-injector", validator: "istio-validator-istio-system"},
		{id: NewID("", "1-22"), name: "istiod-1-22", service: "istiod-1-22", injectorMap: "istio-sidecar-injector-1-22",
			injector: "istio-sidecar-injector-1-22", validator: "istio-validator-1-22-istio-system"},
		{id: NewID("mesh", "a"), name: "istiod-a.mesh", service: "istiod-a", injectorMap: "istio-sidecar-injector-a",
			injector: "istio-sidecar-injector-a-mesh", validator: "istio-validator-a-mesh"},
	} {
		got := []string{c.id.String(), c.id.service(), c.id.injectorMap(), c.id.injector(), c.id.validator()}
		want := []string{c.name, c.service, c.injectorMap, c.injector, c.validator}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", c.id, got, want)
		}
	}
}

func TestAnInstallationWithoutRevisionNamesNone(t *testing.T) {
	if args := (Install{Tag: "1.22.0"}).Args(); slices.Contains(args, "--revision") {
		t.Errorf("args: %v", args)
	}
}
