package proxyver

import (
	"context"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// verification compares what is predicted for pods with what the real injector answers for their workloads.
type verification struct {
	// items are all that were scanned, also those that the answer hides: where a prediction of no proxy is wrong, a
	// proxy is missing.
	items     []scan.Item
	workloads []dryrun.Workload
	answers   map[podtemplate.Workload]dryrun.Answer
	gaps      []cluster.Gap
}

// add takes an item. Pods that have ended are not asked about unless they are part of the answer.
func (v *verification) add(item scan.Item) {
	id := workloadOf(item)
	if _, known := v.answers[id]; !known {
		v.answers[id] = dryrun.Answer{}
		v.workloads = append(v.workloads, dryrun.Workload{Workload: id, Pod: item.Pod.Name})
	}
	v.items = append(v.items, item)
}

func workloadOf(item scan.Item) podtemplate.Workload {
	return podtemplate.Workload{Namespace: item.Pod.Namespace, Ref: item.Chain.Workload()}
}

// ask puts each workload to the real injector once, and notes the answers in the items.
func (v *verification) ask(ctx context.Context, clients *cluster.Clients, chunk int64) error {
	var err error
	v.gaps, err = dryrun.Each(ctx, clients.Kube, dryrun.Options{Chunk: chunk}, v.workloads, func(w dryrun.Workload, a dryrun.Answer) error {
		v.answers[w.Workload] = a
		return nil
	})
	if err != nil {
		return fmt.Errorf("asking the injector: %w", err)
	}
	for i := range v.items {
		v.items[i].Verified = verified(v.items[i], v.answers[workloadOf(v.items[i])])
	}
	return nil
}

// verified compares what is predicted for a pod with the answer for its workload.
func verified(item scan.Item, answer dryrun.Answer) *v1alpha1.Verified {
	if answer.Refusal != nil {
		return &v1alpha1.Verified{Refused: answer.Refusal.Error()}
	}
	image, err := proxy.ParseImage(answer.Image)
	v := &v1alpha1.Verified{Injected: answer.Injected, Image: answer.Image, Revision: answer.Revision}
	if err == nil {
		v.Version = image.Version().Text
	}
	expected := item.Verdict.Expected
	switch {
	case item.Verdict.Status == v1alpha1.Unknown:
		// Nothing was predicted, so that nothing can agree.
	case expected.Image == "" && answer.Image == "":
		v.Agrees = expected.Injected == answer.Injected
	case !expected.Injected:
		// A proxy of the pod's own template is what it is, whatever revision it bears.
		v.Agrees = !answer.Injected && expected.Image == answer.Image
	default:
		v.Agrees = answer.Injected && expected.Image == answer.Image && expected.Revision == answer.Revision
	}
	return v
}

// verdict counts the distinct workloads by how they were verified.
type verdict struct {
	agreed, refused int
	// disagreements say what differs, a line for each workload.
	disagreements []string
	// refusals holds why workloads could not be verified, with their number.
	refusals counts[string]
}

// judge sums up. A workload disagrees where none of its pods' predictions is what the injector answered: in the middle of
// a rollout some of the pods are from an older template.
func (v *verification) judge() verdict {
	first := map[podtemplate.Workload]scan.Item{}
	agrees := map[podtemplate.Workload]bool{}
	for _, item := range v.items {
		id := workloadOf(item)
		if _, known := first[id]; !known {
			first[id] = item
		}
		agrees[id] = agrees[id] || item.Verified.Agrees
	}
	sum := verdict{refusals: counts[string]{}}
	for _, w := range v.workloads {
		item := first[w.Workload]
		switch {
		case agrees[w.Workload]:
			sum.agreed++
		case item.Verified.Refused != "":
			sum.refused++
			sum.refusals[item.Verified.Refused]++
		case item.Verdict.Status == v1alpha1.Unknown:
		default:
			sum.disagreements = append(sum.disagreements, disagreement(item))
		}
	}
	return sum
}

func disagreement(item scan.Item) string {
	e, v := item.Verdict.Expected, item.Verified
	return fmt.Sprintf("%s in %s: predicted %s, the injector answers %s", item.Chain.Workload(), item.Pod.Namespace,
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

// sayVerified says on stderr how the predictions did. The error says that they do not hold, or not surely.
func (o *Options) sayVerified(v *verification) error {
	sum := v.judge()
	for _, gap := range v.gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	for _, line := range sum.disagreements {
		fmt.Fprintln(o.ErrOut, "warning: prediction and injector disagree:", printing.Escape(line))
	}
	for _, why := range sum.refusals.sorted() {
		fmt.Fprintf(o.ErrOut, "warning: not verified: %s (workloads: %d)\n", printing.Escape(why), sum.refusals[why])
	}
	fmt.Fprintf(o.ErrOut, "Asked the injector about %d workloads: %d agree, %d disagree, %d could not be verified.\n",
		len(v.workloads), sum.agreed, len(sum.disagreements), len(v.workloads)-sum.agreed-len(sum.disagreements))
	switch {
	case len(sum.disagreements) > 0:
		return fmt.Errorf("prediction and injector disagree: %d of %d workloads", len(sum.disagreements), len(v.workloads))
	case sum.refused > 0:
		return fmt.Errorf("the answer is not fully verified: %d of %d workloads could not be asked about", sum.refused, len(v.workloads))
	default:
		return nil
	}
}

// verifiedWord is the cell of the column VERIFIED.
func verifiedWord(v *v1alpha1.Verified) string {
	switch {
	case v == nil:
		return ""
	case v.Refused != "":
		return "refused"
	case v.Agrees:
		return "yes"
	default:
		return "no"
	}
}
