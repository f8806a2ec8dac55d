package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

const unreachable = "; is the cluster up, and the context right? See `kubectl config current-context` and `kubectl cluster-info`"

func TestAnErrorIsOneLineThatAPersonCanActOn(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, c := range []struct {
		rule string
		ctx  context.Context
		err  error
		want string
	}{
		{"none", t.Context(), nil, ""},
		{"one that is only an exit code", t.Context(), &exit.Error{Code: exit.Findings}, ""},
		{"any", t.Context(), errors.New("no such thing"), "no such thing"},
		{"several lines", t.Context(), errors.New("first\n\n  second\n"), "first second"},
		{"a terminal's escapes", t.Context(), errors.New("a\x1b[31mb"), `a\x1b[31mb`},
		{"interrupted", cancelled, fmt.Errorf("listing pods: %w", context.Canceled), "interrupted"},
		{"another error after an interruption", cancelled, errors.New("disk full"), "disk full"},
		{"cancelled, but not by the user", t.Context(), context.Canceled, "context canceled"},
		{"no connection", t.Context(), fmt.Errorf("reading x: %w", refused), "reading x: dial tcp: connection refused" + unreachable},
		{"no credentials", t.Context(), &url.Error{Op: "Get", URL: "https://h", Err: errors.New("getting credentials: exec: executable login failed with exit code 7")},
			`Get "https://h": getting credentials: exec: executable login failed with exit code 7; the kubeconfig has that program hand out the credentials: ` +
				"see what it says when you run it yourself, and `kubectl config view --minify`"},
		{"no answer", t.Context(), &url.Error{Op: "Get", URL: "https://h", Err: errors.New("EOF")}, `Get "https://h": EOF` + unreachable},
		{"not logged in", t.Context(), apierrors.NewUnauthorized("Unauthorized"), "Unauthorized; the cluster does not accept these credentials: see `kubectl auth whoami`"},
		{"not allowed", t.Context(), fmt.Errorf("listing pods: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))),
			"listing pods: pods is forbidden: no; ask for that permission: see `kubectl auth can-i --list`"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := describe(c.ctx, &cobra.Command{}, c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func newCommand(out *bytes.Buffer) *cobra.Command {
	streams := genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: out, ErrOut: out}
	cmd := &cobra.Command{
		Use: "kubectl-mesh-example [flags]", Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mesh-example"},
		Long: "What it does.", Example: "  # The simplest\n  kubectl mesh-example", RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.Flags().Bool("own", false, "A flag of its own.")
	AddConnectionFlags(cmd, func(f *pflag.FlagSet) {
		f.StringP("namespace", "n", "", "The namespace.")
		f.String("context", "", "The kubeconfig context.")
	})
	cmd.AddCommand(NewVersionCommand("kubectl-mesh-example", streams))
	cmd.SetOut(out)
	return cmd
}

func TestHelpListsTheFlagsOfTheConnectionApart(t *testing.T) {
	var out bytes.Buffer
	cmd := newCommand(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "help.txt", out.String())
}

func TestTheVersionNamesThePluginAndItsCommit(t *testing.T) {
	var out bytes.Buffer
	cmd := newCommand(&out)
	cmd.SetArgs([]string{"version"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("kubectl-mesh-example %s (commit %s, %s)\n", version, commit, runtime.Version()); out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	cmd.SetArgs([]string{"version", "more"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); err == nil {
		t.Error("version takes arguments")
	}
}

func TestTheConnection(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	file := filepath.Join(t.TempDir(), "config")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	connect := func(configured bool) (string, string, error) {
		flags := genericclioptions.NewConfigFlags(false)
		if configured {
			flags.KubeConfig = &file
		}
		config, err := RESTConfig(flags, "kubectl-mesh-example")
		if err != nil {
			return "", "", err
		}
		return config.Host, config.UserAgent, nil
	}
	t.Run("a kubeconfig's cluster, under the plugin's name", func(t *testing.T) {
		write("{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: k}}], clusters: [{name: k, cluster: {server: 'https://h:1'}}]}")
		host, agent, err := connect(true)
		if err != nil || host != "https://h:1" || !strings.HasPrefix(agent, "kubectl-mesh-example/"+version+" (") {
			t.Errorf("got %q, %q, %v", host, agent, err)
		}
	})
	t.Run("a kubeconfig that is no YAML", func(t *testing.T) {
		write("a: b: c")
		if _, _, err := connect(true); err == nil || !strings.Contains(err.Error(), "error loading config file") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no cluster at all", func(t *testing.T) {
		t.Setenv("HOME", t.TempDir())
		for kubeconfig, want := range map[string]string{
			"":      "no cluster is configured: set KUBECONFIG, or pass --kubeconfig or --server (see `kubectl config get-contexts`)",
			"/none": `no cluster is configured: KUBECONFIG is "/none", which holds none (see ` + "`kubectl config get-contexts`)",
		} {
			t.Setenv("KUBECONFIG", kubeconfig)
			if _, _, err := connect(false); err == nil || err.Error() != want {
				t.Errorf("KUBECONFIG=%s: got %v", kubeconfig, err)
			}
		}
	})
}
