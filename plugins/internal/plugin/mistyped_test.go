package plugin

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// family is a command that holds others, one of which holds others too.
func family() *cobra.Command {
	runs := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{
		Use: "kubectl-mesh-example", Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mesh-example"},
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(FlagError)
	root.SetOut(io.Discard)
	Group(root)
	tag := &cobra.Command{Use: "tag"}
	Group(tag)
	tag.AddCommand(&cobra.Command{Use: "list", Aliases: []string{"show"}, RunE: runs}, &cobra.Command{Use: "set", RunE: runs})
	start := &cobra.Command{Use: "start", RunE: runs, Args: NoArguments}
	start.Flags().Bool("all-namespaces", false, "")
	start.Flags().String("to", "", "")
	start.Flags().String("istio-namespace", "", "")
	start.Flags().Bool("secret", false, "")
	_ = start.Flags().MarkHidden("secret")
	status := &cobra.Command{Use: "status", RunE: runs}
	root.AddCommand(tag, start, status, &cobra.Command{Use: "retire", RunE: runs}, &cobra.Command{Use: "revisions", RunE: runs})
	return root
}

func TestAMistypedCommandLineSaysWhatMayBeMeant(t *testing.T) {
	for _, c := range []struct{ rule, typed, want string }{
		{"nothing is mistyped", "status", ""},
		{"two letters swapped", "statsu", "unknown command \"statsu\" for \"kubectl mesh-example\"; did you mean \"status\"? See `kubectl mesh-example --help`"},
		{"a beginning", "re", "unknown command \"re\" for \"kubectl mesh-example\"; did you mean \"retire\" or \"revisions\"? See `kubectl mesh-example --help`"},
		{"in capitals", "Start", "unknown command \"Start\" for \"kubectl mesh-example\"; did you mean \"start\"? See `kubectl mesh-example --help`"},
		{"nothing like it", "upgrade", "unknown command \"upgrade\" for \"kubectl mesh-example\"; see `kubectl mesh-example --help`"},
		{"a command's flag after it", "statsu --to 1-23", "unknown command \"statsu\" for \"kubectl mesh-example\"; did you mean \"status\"? See `kubectl mesh-example --help`"},
		{"in a group", "tag lst", "unknown command \"lst\" for \"kubectl mesh-example tag\"; did you mean \"list\"? See `kubectl mesh-example tag --help`"},
		{"another name of a command", "tag shwo", "unknown command \"shwo\" for \"kubectl mesh-example tag\"; did you mean \"show\"? See `kubectl mesh-example tag --help`"},
		{"a flag", "start --al-namespaces", "unknown flag: --al-namespaces; did you mean --all-namespaces? See `kubectl mesh-example start --help`"},
		{"a flag's beginning", "start --istio x", "unknown flag: --istio; did you mean --istio-namespace? See `kubectl mesh-example start --help`"},
		{"a flag like none", "start --colour", "unknown flag: --colour; see `kubectl mesh-example start --help`"},
		{"a flag like a hidden one", "start --secrte", "unknown flag: --secrte; see `kubectl mesh-example start --help`"},
		{"a flag of one letter", "start -x", "unknown shorthand flag: 'x' in -x; see `kubectl mesh-example start --help`"},
		{"a flag without its value", "start --to", "flag needs an argument: --to; see `kubectl mesh-example start --help`"},
		{"an argument too many", "start now", "`kubectl mesh-example start` takes no arguments, and got \"now\""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			root := family()
			root.SetArgs(strings.Fields(c.typed))
			got := ""
			if err := root.Execute(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAMistypedCommandIsToldFromAWorkload(t *testing.T) {
	root := &cobra.Command{Use: "kubectl-mesh-example", Args: WorkloadArguments, SilenceErrors: true, SilenceUsage: true, RunE: func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return ValidateName(args[0])
	}}
	root.AddCommand(&cobra.Command{Use: "version", RunE: root.RunE})
	for typed, want := range map[string]string{
		"deployment/version": "",
		"versoin":            `"versoin": name a workload or a pod as TYPE/NAME, such as deployment/cart; or did you mean the command "version"?`,
		"cart":               `"cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`,
	} {
		root.SetArgs([]string{typed})
		got := ""
		if err := root.Execute(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s", typed, got)
		}
	}
}

func TestHowFarWordsAreApart(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"list", "list", 0}, {"lst", "list", 1}, {"lits", "list", 1}, {"lisst", "list", 1}, {"lint", "list", 1}, {"set", "list", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestAGroupShowsItsHelp(t *testing.T) {
	var out strings.Builder
	root := family()
	root.SetOut(&out)
	root.SetArgs([]string{"tag"})
	if err := root.Execute(); err != nil || !strings.Contains(out.String(), "Usage:\n  kubectl mesh-example tag [command]\n\nCommands:\n  list") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	if !strings.HasSuffix(out.String(), "Use \"kubectl mesh-example tag [command] --help\" for more about a command.\n") {
		t.Errorf("got\n%s", out.String())
	}
}
