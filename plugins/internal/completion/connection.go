package completion

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd/api"
)

// connection completes the flags that every kubectl command has.
func (c *Cluster) connection() Flags {
	flags := Flags{
		"namespace":             c.Namespaces(),
		"context":               c.configured(func(k api.Config) []string { return slices.Sorted(maps.Keys(k.Contexts)) }),
		"cluster":               c.configured(func(k api.Config) []string { return slices.Sorted(maps.Keys(k.Clusters)) }),
		"user":                  c.configured(func(k api.Config) []string { return slices.Sorted(maps.Keys(k.AuthInfos)) }),
		"kubeconfig":            Files(),
		"certificate-authority": Files(),
		"client-certificate":    Files(),
		"client-key":            Files(),
		"cache-dir":             Directories,
	}
	for _, name := range []string{"as", "as-group", "as-uid", "as-user-extra", "proxy-url", "request-timeout", "server", "tls-server-name", "token"} {
		flags[name] = None
	}
	return flags
}

// configured completes what the kubeconfig names. Such names may hold anything: they are their user's own.
func (c *Cluster) configured(names func(api.Config) []string) cobra.CompletionFunc {
	return Found(func(context.Context, *cobra.Command) ([]cobra.Completion, error) {
		config, err := c.flags.ToRawKubeConfigLoader().RawConfig()
		return named(names(config)), err
	})
}
