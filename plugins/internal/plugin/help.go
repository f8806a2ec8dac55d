package plugin

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// connectionGroup marks the flags that say which cluster to talk to, and as whom.
const connectionGroup = "kubectl-mesh/connection"

// AddConnectionFlags adds the flags that every kubectl command has, and lists them apart in the help.
func AddConnectionFlags(cmd *cobra.Command, add func(*pflag.FlagSet)) {
	flags := pflag.NewFlagSet("connection", pflag.ContinueOnError)
	add(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		// The namespace is part of the question, not of the connection.
		if f.Name != namespaceFlag {
			f.Annotations = map[string][]string{connectionGroup: {"true"}}
		}
	})
	cmd.Flags().AddFlagSet(flags)
	cmd.SetUsageTemplate(usageTemplate)
	cobra.AddTemplateFunc("isGroup", isGroup)
	cobra.AddTemplateFunc("ownFlags", func(c *cobra.Command) string { return flagUsages(c, false) })
	cobra.AddTemplateFunc("connectionFlags", func(c *cobra.Command) string { return flagUsages(c, true) })
}

// WithoutNamespace has the help of a command be silent about -n, for a command that is about a whole mesh and refuses it.
func WithoutNamespace(cmd *cobra.Command) { _ = cmd.Flags().MarkHidden(namespaceFlag) }

const namespaceFlag = "namespace"

// takesNamespace says whether a command can be asked about one namespace alone, and was not.
func takesNamespace(cmd *cobra.Command) bool {
	flag := cmd.Flags().Lookup(namespaceFlag)
	return flag != nil && !flag.Hidden && !flag.Changed
}

func flagUsages(cmd *cobra.Command, connection bool) string {
	picked := pflag.NewFlagSet("picked", pflag.ContinueOnError)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, is := f.Annotations[connectionGroup]; is == connection {
			picked.AddFlag(f)
		}
	})
	return strings.TrimRight(picked.FlagUsagesWrapped(helpWidth), "\n")
}

// helpWidth is where the descriptions of flags are wrapped, as wide as the texts above them.
const helpWidth = 80

const usageTemplate = `Usage:{{if and .Runnable (not (isGroup .))}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{with ownFlags .}}

Flags:
{{.}}{{end}}{{with connectionFlags .}}

Flags for the connection, as in kubectl:
{{.}}{{end}}{{if isGroup .}}

Use "{{.CommandPath}} [command] --help" for more about a command.{{end}}
`

// AcceptIstioctlSpelling takes --istioNamespace, as istioctl calls it.
func AcceptIstioctlSpelling(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "istioNamespace" {
		name = "istio-namespace"
	}
	return pflag.NormalizedName(name)
}
