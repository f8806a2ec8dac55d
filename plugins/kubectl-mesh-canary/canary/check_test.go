package canary

import (
	"errors"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

func found(findings ...v1alpha1.Finding) *v1alpha1.CheckReport {
	return v1alpha1.NewCheckReport(v1alpha1.CheckedRevision{Revision: "1-22", Version: "1.22.0", Namespace: "istio-system"},
		v1alpha1.CheckedRevision{Revision: "1-23", Version: "1.23.0", Namespace: "istio-system"}, findings)
}

var (
	oneReplica = v1alpha1.Finding{Category: v1alpha1.AboutRestarts, Check: "one-replica", Severity: v1alpha1.Warning,
		Object: v1alpha1.CheckedObject{Kind: "Deployment", Namespace: "shop", Name: "cart"}, Message: "it has one replica", Remedy: "kubectl scale deployment/cart -n shop --replicas=2"}
	unreadable = v1alpha1.Finding{Category: v1alpha1.Unchecked, Check: "unreadable", Severity: v1alpha1.Warning,
		Object: v1alpha1.CheckedObject{Name: "pods"}, Message: "could not be checked: cannot read pods", Remedy: "ask"}
)

func TestWhatCheckPrints(t *testing.T) {
	for file, output := range map[string]string{
		"check.txt": "", "check-wide.txt": "wide", "check-name.txt": "name", "check.json": "json", "check.yaml": "yaml",
		"check-jsonpath.txt": "jsonpath={.items[*].check}", "check-columns.txt": "custom-columns=CHECK:.check,ON:.object.name",
	} {
		t.Run(file, func(t *testing.T) {
			streams, _, out, _ := genericiooptions.NewTestIOStreams()
			o := &checkOptions{question: newQuestion(streams), To: "1-23"}
			o.Output = output
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			if err := o.show(found(oneReplica, unreadable)); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file, out.String())
		})
	}
}

func TestTheExitCodeOfACheck(t *testing.T) {
	for _, c := range []struct {
		rule     string
		exitCode bool
		report   *v1alpha1.CheckReport
		want     int
	}{
		{"nothing found", true, found(), 0},
		{"findings, and nobody asked", false, found(oneReplica), 0},
		{"findings", true, found(oneReplica), 2},
		{"incomplete", false, found(unreadable), 1},
		{"incomplete comes before findings", true, found(oneReplica, unreadable), 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o := &checkOptions{ExitCode: c.exitCode}
			if got := exit.Code(t.Context(), o.conclude(c.report)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestWhatContradictsItselfIsRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"check"}, "--to is missing: name the revision to move to; `kubectl mesh-canary revisions` shows those that are installed"},
		{[]string{"check", "--to", "1-23", "-n", "shop"}, "a revision is of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i"},
		{[]string{"revisions", "-n", "shop"}, "a revision is of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i"},
		{[]string{"revisions", "--chunk-size", "-1"}, "--chunk-size -1: use 0 or more"},
		{[]string{"revisions", "--timeout", "-1s"}, "--timeout -1s: use 0 or more"},
		{[]string{"check", "--to", "1-23", "--sort-by", ".nope"}, `--sort-by ".nope": nope is not found; see an item's fields with -o json`},
		{[]string{"revisions", "--no-such"}, "unknown flag: --no-such; see `kubectl mesh-canary revisions --help`"},
	} {
		streams, _, _, _ := genericiooptions.NewTestIOStreams()
		cmd := NewCommand(streams)
		cmd.SetArgs(c.args)
		if err := cmd.ExecuteContext(t.Context()); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v", c.args, err)
		}
	}
	o := &checkOptions{To: "1-23", question: newQuestion(genericiooptions.IOStreams{})}
	o.Output = "nonsense"
	if err := o.Validate(); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("got %v", err)
	}
}
