package canary

import (
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
)

// TestWhatAToolWouldNotHearOfIsRefused: it would act on another cluster than the one that was looked at.
func TestWhatAToolWouldNotHearOfIsRefused(t *testing.T) {
	tool := func(value string) *provider.Provider {
		p, err := provider.New("--uninstall", value, provider.Options{ResourceGroup: "shops", Name: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, set := range map[string]func(*genericclioptions.ConfigFlags){
		"server": func(c *genericclioptions.ConfigFlags) { *c.APIServer = "https://other.example" },
		"user":   func(c *genericclioptions.ConfigFlags) { *c.AuthInfoName = "admin" },
		"as":     func(c *genericclioptions.ConfigFlags) { *c.Impersonate = "admin" },
		"as-group": func(c *genericclioptions.ConfigFlags) {
			*c.ImpersonateGroup = []string{"admins"}
		},
		"insecure-skip-tls-verify": func(c *genericclioptions.ConfigFlags) { *c.Insecure = true },
	} {
		flags := plugin.NewConfigFlags()
		set(flags)
		for _, value := range []string{"istioctl", "./down.sh"} {
			if err := handedOn("uninstall", tool(value), flags); err == nil || !strings.HasPrefix(err.Error(), "--"+name+" cannot be handed on to the tool of --uninstall") {
				t.Errorf("--%s, %s: got %v", name, value, err)
			}
		}
		if err := handedOn("uninstall", tool("aks"), flags); err != nil {
			t.Errorf("--%s, which the Azure CLI needs nothing of: %v", name, err)
		}
	}
	flags := plugin.NewConfigFlags()
	*flags.KubeConfig, *flags.Context = "config", "prod"
	if err := handedOn("uninstall", tool("istioctl"), flags); err != nil {
		t.Errorf("what a tool is told: %v", err)
	}
}

func TestWhatToDoAboutAFindingEndsASentence(t *testing.T) {
	for remedy, want := range map[string]string{
		"kubectl label namespace shop istio.io/rev=1-23":  "type `kubectl label namespace shop istio.io/rev=1-23`",
		"install the revision where its control plane is": "install the revision where its control plane is",
	} {
		if got := todo(remedy); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
