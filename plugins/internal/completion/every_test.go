package completion_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-canary/canary"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-proxyver/proxyver"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-reinject/reinject"
)

var plugins = map[string]func(genericiooptions.IOStreams) *cobra.Command{
	"canary": canary.NewCommand, "proxyver": proxyver.NewCommand, "reinject": reinject.NewCommand,
}

// everyCommand calls do for each command of every plugin.
func everyCommand(do func(*cobra.Command)) {
	var below func(*cobra.Command)
	below = func(cmd *cobra.Command) {
		do(cmd)
		for _, c := range cmd.Commands() {
			below(c)
		}
	}
	for _, command := range plugins {
		below(command(genericiooptions.NewTestIOStreamsDiscard()))
	}
}

func TestForEveryFlagItIsDecidedWhatCompletesItsValue(t *testing.T) {
	decided := 0
	everyCommand(func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" {
				return
			}
			if _, is := cmd.GetFlagCompletionFunc(f.Name); !is {
				t.Errorf("%s --%s: say what completes it, or that nothing does", cmd.CommandPath(), f.Name)
			}
			decided++
		})
	})
	// So many are three plugins' own, at the least.
	if decided < 100 {
		t.Errorf("of all flags that take values there are %d", decided)
	}
}

func TestForEveryCommandItIsDecidedWhatCompletesItsArguments(t *testing.T) {
	everyCommand(func(cmd *cobra.Command) {
		// The arguments of one that holds others are their names.
		if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
			t.Errorf("%s: say what completes its arguments, or that nothing does", cmd.CommandPath())
		}
	})
}

// offered returns what a plugin offers for the last of the words.
func offered(t *testing.T, plugin string, words ...string) []string {
	t.Helper()
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	var out strings.Builder
	cmd := plugins[plugin](streams)
	cmd.SetOut(&out)
	cmd.SetErr(streams.ErrOut)
	cmd.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, words...))
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out.String())
}

func TestWhatNeedsNoCluster(t *testing.T) {
	// There is none: what asks for one would be seen to wait, or to offer nothing.
	t.Setenv("KUBECONFIG", "/dev/null")
	for _, c := range []struct{ plugin, typed, want string }{
		{"canary", "st|", "start status :4"},
		{"canary", "tag |", "generate list remove set :4"},
		{"canary", "completion |", "bash zsh fish powershell :4"},
		{"canary", "completion --install --dir |", ":16"},
		{"canary", "status x|", ":4"},
		{"canary", "start --method |", "auto restart grace-period evict :4"},
		{"canary", "start --dry-run=|", "none client :4"},
		{"canary", "tag set --dry-run=|", "none client server :4"},
		{"canary", "start --install |", "istioctl aks :4"},
		{"canary", "complete --uninstall i|", "istioctl :4"},
		{"canary", "start --on-failure |", "stop continue :4"},
		{"canary", "start --report |", "json md :8"},
		{"canary", "start --pause |", ":4"},
		{"canary", "status --restore |", ":0"},
		{"canary", "status -o wi|", "wide :4"},
		{"canary", "start -o n|", "name :4"},
		{"canary", "retire --aks-name |", ":4"},
		{"canary", "start --kubeconfig |", ":0"},
		{"canary", "start --cache-dir |", ":16"},
		{"reinject", "--include |", "missing unexpected :6"},
		{"reinject", "--include missing,|", "missing,unexpected :6"},
		{"reinject", "--bare-pods=|", "skip recreate :4"},
		{"reinject", "--order s|", "size :4"},
		{"reinject", "sts|", "sts/ :6"},
		{"reinject", "deploy|", "deployment/ :6"},
		{"reinject", "deployments|", "deployments/ :6"},
		{"reinject", "d|", "deployment/ daemonset/ :6"},
		{"reinject", "j|", ":4"},
		{"reinject", "ver|", "version :4"},
		{"reinject", "-A deployment/|", ":4"},
		{"reinject", "-l app=cart d|", ":4"},
		{"proxyver", "j|", "job/ :6"},
		{"proxyver", "-f dump.json d|", ":4"},
		{"proxyver", "-f |", ":0"},
		{"proxyver", "--by ver|", "version :4"},
		{"proxyver", "--exit-code=outdated,m|", "outdated,missing outdated,mismatched :6"},
		{"proxyver", "-o json|", "json jsonpath jsonpath-as-json jsonpath-file :4"},
		{"proxyver", "service/|", ":4"},
		{"proxyver", "deployment/|", ":4"},
		{"proxyver", "-n |", ":4"},
	} {
		words := strings.Split(strings.TrimSuffix(c.typed, "|"), " ")
		if got := offered(t, c.plugin, words...); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s %s: got %s, want %s", c.plugin, c.typed, got, c.want)
		}
	}
}

func TestEveryHelpFitsATerminalAndShowsHowTheCommandIsUsed(t *testing.T) {
	const width = 80
	everyCommand(func(cmd *cobra.Command) {
		if cmd.Name() == "version" {
			return
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.UsageString()) {
			// The kinds that a dump is made of are one word.
			if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > width && !strings.Contains(line, "kubectl get mutatingwebhookconfigurations,") {
				t.Errorf("%s: wider than %d columns: %s", cmd.CommandPath(), width, line)
			}
		}
		for line := range strings.Lines(cmd.Example) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "kubectl" && words[1] != "get" && !strings.HasPrefix(line, "  "+cmd.Root().CommandPath()) {
				t.Errorf("%s: the example is another's: %s", cmd.CommandPath(), line)
			}
		}
	})
}
