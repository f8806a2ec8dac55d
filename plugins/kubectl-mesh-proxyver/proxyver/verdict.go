package proxyver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// verdict counts the distinct workloads by how they were verified.
type verdict struct {
	workloads, agreed int
	// unpredicted are those that the injector answered for, but for which nothing was foretold.
	unpredicted int
	// disagreements say what differs, a line for each workload.
	disagreements []string
	refusals      refusals
}

// judge sums up. What is predicted for the very pod that was asked about decides whether a workload agrees: running pods
// may be of an older template. Where nothing is predicted for it, nothing is verified.
func (v *verification) judge() verdict {
	sum := verdict{workloads: len(v.workloads), refusals: refusals{}}
	for _, w := range v.workloads {
		asked, refusal := v.asked[w.Workload], v.answers[w.Workload].Refusal
		switch {
		case refusal != nil:
			sum.refusals.add(refusal, w.Namespace)
		case agrees(asked):
			sum.agreed++
		case differs(asked):
			sum.disagreements = append(sum.disagreements, disagreement(w.Workload, asked))
		default:
			sum.unpredicted++
		}
	}
	return sum
}

// disagreement says how the prediction for an item differs from the answer for its workload.
func disagreement(w podtemplate.Workload, item scan.Item) string {
	e, v := item.Verdict.Expected, item.Verified
	return fmt.Sprintf("%s in %s: predicted %s, the injector answers %s", w.Ref, w.Namespace,
		outcome(e.Injected, e.Image, e.Revision), outcome(v.Injected, v.Image, v.Revision))
}

func outcome(injected bool, image, revision string) string {
	switch {
	case injected && image == "":
		return "an injection without a proxy"
	case injected:
		return image + " of revision " + revision
	case image != "":
		return image + " of its own template"
	default:
		return "no proxy"
	}
}

// refusals holds why workloads could not be verified, in words.
type refusals map[string]*refused

// refused are the workloads that one reason holds for.
type refused struct {
	workloads  int
	namespaces counts[string]
	forbidden  bool
}

// add counts a workload of the namespace. What the user may do nowhere is one reason, not one for each namespace.
func (r refusals) add(refusal *dryrun.Refusal, namespace string) {
	why, forbidden := refusalText(refusal), refusal.Class == dryrun.Forbidden
	if forbidden {
		why = strings.Replace(why, fmt.Sprintf(" in the namespace %q", namespace), "", 1)
	}
	if r[why] == nil {
		r[why] = &refused{namespaces: counts[string]{}, forbidden: forbidden}
	}
	r[why].workloads++
	r[why].namespaces[namespace]++
}

// lines returns a line for each reason, sorted.
func (r refusals) lines() []string {
	var lines []string
	for _, why := range slices.Sorted(maps.Keys(r)) {
		line := why
		if r[why].forbidden {
			names := slices.Sorted(maps.Keys(r[why].namespaces))
			line += " in " + some(names) + ", see `kubectl auth can-i create pods -n " + names[0] + "`"
		}
		lines = append(lines, fmt.Sprintf("%s (workloads: %d)", line, r[why].workloads))
	}
	return lines
}

// someNames is how many names stand in a line.
const someNames = 5

// some joins namespaces' names for a sentence, and only counts those that are too many.
func some(names []string) string {
	if more := len(names) - someNames; more > 0 {
		return fmt.Sprintf("%s and %d more namespaces", strings.Join(names[:someNames], ", "), more)
	}
	return strings.Join(names, ", ")
}

// sayVerified says on stderr how the predictions did. The error says that they do not hold, or not surely.
func (o *Options) sayVerified(v *verification) error {
	sum := v.judge()
	for _, gap := range v.gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	for _, line := range sum.disagreements {
		fmt.Fprintln(o.ErrOut, "warning: prediction and injector disagree:", printing.Escape(line))
	}
	for _, line := range sum.refusals.lines() {
		fmt.Fprintln(o.ErrOut, "warning: not verified:", printing.Escape(line))
	}
	if sum.unpredicted > 0 {
		fmt.Fprintf(o.ErrOut, "warning: not verified: what the injector would do was unknown (workloads: %d)\n", sum.unpredicted)
	}
	fmt.Fprintf(o.ErrOut, "Workloads that the injector was asked about: %d (agree: %d, disagree: %d, could not be verified: %d).\n",
		sum.workloads, sum.agreed, len(sum.disagreements), sum.unverifiedCount())
	return cmp.Or(sum.disagree(), sum.unverified())
}

func (v verdict) disagree() error {
	if len(v.disagreements) == 0 {
		return nil
	}
	return fmt.Errorf("prediction and injector disagree: %d of %d workloads", len(v.disagreements), v.workloads)
}

func (v verdict) unverifiedCount() int { return v.workloads - v.agreed - len(v.disagreements) }

func (v verdict) unverified() error {
	n := v.unverifiedCount()
	if n == 0 {
		return nil
	}
	return fmt.Errorf("the answer is not fully verified: %d of %d workloads could not be verified", n, v.workloads)
}
