package canary

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderule"
)

const revisionsLong = `Show which revisions of Istio are installed, who follows them, and from which to
which one may move.

A revision is installed where an injector is its own. Its version is that of its
istiod's image; where that does not tell, it is unknown, and so is what may
follow. By revisions one may go up two minor versions, on AKS one, and down one.

Exit code: 0 done; 1 an error, or an answer that is incomplete; 124 --timeout is
over; 130 interrupted.`

const revisionsExample = `  # What is installed, and what may be moved to
  kubectl mesh-canary revisions

  # For a script: where one may go from 1-22
  kubectl mesh-canary revisions -o json |
    jq -r '.items[] | select(.revision == "1-22") | .moves[] |
      select(.allowed) | .to'`

// revisionsOptions is what the command line of `revisions` says.
type revisionsOptions struct {
	question
	now func() time.Time
}

func newRevisionsCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &revisionsOptions{question: newQuestion(streams), now: time.Now}
	cmd := &cobra.Command{
		Use: "revisions", Short: "Show which revisions are installed, and which moves are allowed",
		Long: revisionsLong, Example: revisionsExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(args); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return err
			}
			return o.Run(cmd.Context())
		},
	}
	o.addFlags(cmd)
	return cmd
}

// Complete works out what the flags leave open. The error is about --sort-by.
func (o *revisionsOptions) Complete([]string) error {
	number := 0
	return o.complete(&v1alpha1.InstalledRevision{Ready: &number, Replicas: &number, Namespaces: &number, Pods: &number})
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *revisionsOptions) Validate() error { return o.validate() }

// Run reads what is installed and prints it. The error says what failed, or that the answer is incomplete.
func (o *revisionsOptions) Run(ctx context.Context) error {
	return o.ask(ctx, func(ctx context.Context, clients *cluster.Clients) error {
		found, err := controlplane.Read(ctx, clients, controlplane.Options{IstioNamespace: o.IstioNamespace, Chunk: o.Chunk})
		if err != nil {
			return err
		}
		report := controlplane.Report(found)
		if err := sorts(&o.question, report.Items); err != nil {
			return err
		}
		// Whoever reads a table is told why there is none; a script gets an empty list.
		if _, err := revision.InstalledIn("", found.Injectors); err != nil && (o.Output == asTable || o.Output == asWideTable) {
			return err
		}
		if err := o.show(report); err != nil {
			return err
		}
		o.alone(found.Planes)
		return o.incomplete(found)
	})
}

// incomplete warns of what could not be read, and is the error of an answer that lacks something.
func (o *revisionsOptions) incomplete(found *controlplane.Result) error {
	for _, gap := range found.Gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	if found.Expired {
		fmt.Fprintln(o.ErrOut, "warning: the list of pods expired while it was read (410 Gone), so its later pods are from a later moment")
	}
	if len(found.Gaps) > 0 {
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", len(found.Gaps))
	}
	return nil
}

// alone says where one may go from a revision that has no other beside it.
func (o *revisionsOptions) alone(planes []controlplane.Plane) {
	for _, p := range planes {
		if len(controlplane.Moves(p, planes)) > 0 {
			continue
		}
		if minors := upgraderule.Reach(proxy.ParseVersion(p.Version()), controlplane.WayOf(p.ControlPlane)); minors != "" {
			fmt.Fprintf(o.ErrOut, "From revision %s (%s) one may move to a revision of Istio %s, once it is installed.\n",
				printing.Escape(p.Revision), printing.Escape(p.Version()), minors)
		}
	}
}

// show prints the report in the format that was asked for.
func (o *revisionsOptions) show(report *v1alpha1.RevisionReport) error {
	switch o.Output {
	case asTable, asWideTable:
		return o.tables(report)
	case asNames:
		for _, i := range report.Items {
			if _, err := fmt.Fprintln(o.Out, "revision/"+printing.Escape(i.Revision)); err != nil {
				return writing(err)
			}
		}
		return nil
	default:
		return o.print(report)
	}
}

// move is one row about moving from a revision to another.
type move struct {
	from string
	v1alpha1.RevisionMove
}

// tables prints what is installed and, below it, from which to which one may move.
func (o *revisionsOptions) tables(report *v1alpha1.RevisionReport) error {
	table := printing.Table[v1alpha1.InstalledRevision]{Columns: o.columns(), Wide: o.Output == asWideTable, NoHeaders: o.NoHeaders}
	if err := table.Print(o.Out, report.Items); err != nil {
		return writing(err)
	}
	var moves []move
	for _, i := range report.Items {
		for _, m := range i.Moves {
			moves = append(moves, move{i.Revision, m})
		}
	}
	if len(moves) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(o.Out); err != nil {
		return writing(err)
	}
	return writing(printing.Table[move]{Columns: moveColumns(), NoHeaders: o.NoHeaders}.Print(o.Out, moves))
}

func (o *revisionsOptions) columns() []printing.Column[v1alpha1.InstalledRevision] {
	type item = v1alpha1.InstalledRevision
	return []printing.Column[item]{
		{Header: "REVISION", Extract: func(i item) string { return i.Revision }},
		{Header: "VERSION", Extract: func(i item) string { return unknownIfEmpty(i.Version) }},
		{Header: "NAMESPACE", Extract: func(i item) string { return i.Namespace }},
		{Header: "READY", Extract: func(i item) string {
			if i.Ready == nil {
				return ""
			}
			return fmt.Sprintf("%d/%d", *i.Ready, *i.Replicas)
		}},
		{Header: "AGE", Extract: func(i item) string {
			if i.CreatedAt.IsZero() {
				return ""
			}
			return duration.HumanDuration(o.now().Sub(i.CreatedAt.Time))
		}},
		{Header: "TAGS", Extract: func(i item) string { return strings.Join(i.Tags, ",") }},
		{Header: "NAMESPACES", Extract: func(i item) string { return number(i.Namespaces) }},
		{Header: "PODS", Extract: func(i item) string { return number(i.Pods) }},
		{Header: "PROXY IMAGE", Extract: func(i item) string { return unknownIfEmpty(i.ProxyImage) }},
	}
}

func number(n *int) string {
	if n == nil {
		return unknownIfEmpty("")
	}
	return strconv.Itoa(*n)
}

func unknownIfEmpty(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func moveColumns() []printing.Column[move] {
	return []printing.Column[move]{
		{Header: "FROM", Extract: func(m move) string { return m.from }},
		{Header: "TO", Extract: func(m move) string { return m.To }},
		{Header: "ALLOWED", Extract: func(m move) string {
			if m.Allowed {
				return "yes"
			}
			return "no"
		}},
		{Header: "WHY", Extract: func(m move) string { return m.Reason }},
	}
}
