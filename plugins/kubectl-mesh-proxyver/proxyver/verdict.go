package proxyver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// verdict counts the distinct workloads by how they were verified.
type verdict struct {
	workloads, agreed, refused int
	// disagreements say what differs, a line for each workload.
	disagreements []string
	refusals      refusals
}

// judge sums up. A workload disagrees where neither the prediction for the pod that was asked about nor one for its running
// pods is what the injector answered: in the middle of a rollout, some or all of these are from an older template.
func (v *verification) judge() verdict {
	items := map[podtemplate.Workload][]scan.Item{}
	for _, item := range v.items {
		items[workloadOf(item)] = append(items[workloadOf(item)], item)
	}
	sum := verdict{workloads: len(v.workloads), refusals: refusals{}}
	for _, w := range v.workloads {
		candidates := items[w.Workload]
		if asked, ok := v.asked[w.Workload]; ok {
			candidates = append([]scan.Item{asked}, candidates...)
		}
		refusal := v.answers[w.Workload].Refusal
		switch {
		case refusal != nil:
			sum.refused++
			sum.refusals.add(refusal, w.Namespace)
		case slices.ContainsFunc(candidates, func(i scan.Item) bool { return i.Verified.Agrees }):
			sum.agreed++
		case candidates[0].Verdict.Status != v1alpha1.Unknown:
			sum.disagreements = append(sum.disagreements, disagreement(w.Workload, candidates[0]))
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
	disagree := len(sum.disagreements)
	fmt.Fprintf(o.ErrOut, "Asked the injector about %d workloads: %d agree, %d disagree, %d could not be verified.\n",
		sum.workloads, sum.agreed, disagree, sum.workloads-sum.agreed-disagree)
	return cmp.Or(sum.disagree(), sum.unverified())
}

func (v verdict) disagree() error {
	if len(v.disagreements) == 0 {
		return nil
	}
	return fmt.Errorf("prediction and injector disagree: %d of %d workloads", len(v.disagreements), v.workloads)
}

func (v verdict) unverified() error {
	if v.refused == 0 {
		return nil
	}
	return fmt.Errorf("the answer is not fully verified: %d of %d workloads could not be asked about", v.refused, v.workloads)
}
