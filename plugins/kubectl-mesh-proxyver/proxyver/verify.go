package proxyver

import (
	"context"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
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
	// asked holds what is predicted for the very pods that were put to the injector. A workload's running pods may be of
	// an older template.
	asked map[podtemplate.Workload]scan.Item
	gaps  []cluster.Gap
}

func newVerification() *verification {
	return &verification{answers: map[podtemplate.Workload]dryrun.Answer{}, asked: map[podtemplate.Workload]scan.Item{}}
}

// verifies says whether the injector is asked about an item. Pods that have ended are left out as they are of the answer;
// so is another mesh, but for what none is expected to inject: there, this one may do it all the same.
func (o *Options) verifies(item scan.Item, mine func(scan.Item) bool) bool {
	return (o.All || !item.Pod.Terminal()) && (mine(item) || item.Verdict.Status == v1alpha1.None)
}

// add takes an item.
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

// proxies counts the pods that run one.
func (v *verification) proxies() int {
	n := 0
	for _, item := range v.items {
		if item.Verdict.Proxy != nil {
			n++
		}
	}
	return n
}

// ask puts each workload to the real injector once, calling step for each answer, and notes the answers in the items. The
// error says also that the server is too old to be asked.
func (v *verification) ask(ctx context.Context, scanner *scan.Scanner, clients *cluster.Clients, chunk int64, step func()) error {
	if len(v.workloads) == 0 {
		return nil
	}
	err := dryrun.Supported(ctx, clients.Kube)
	if err != nil {
		return fmt.Errorf("asking the injector: %w", err)
	}
	v.gaps, err = dryrun.Each(ctx, clients.Kube, dryrun.Options{Chunk: chunk}, v.workloads, func(w dryrun.Workload, a dryrun.Answer) error {
		step()
		v.answers[w.Workload] = a
		if a.Refusal != nil {
			return nil
		}
		item, err := scanner.Judge(ctx, proxy.FromPod(a.Asked))
		item.Verified = verified(item, a)
		v.asked[w.Workload] = item
		return err
	})
	if err != nil {
		return fmt.Errorf("asking the injector: %w", err)
	}
	v.compare()
	return nil
}

// compare notes in each item what its workload's answer means for it.
func (v *verification) compare() {
	for i := range v.items {
		item := &v.items[i]
		id := workloadOf(*item)
		item.Verified = verified(*item, v.answers[id])
		item.Rollout = differs(*item) && agrees(v.asked[id])
	}
}

// verified compares what is predicted for a pod with the answer for its workload.
func verified(item scan.Item, answer dryrun.Answer) *v1alpha1.Verified {
	if answer.Refusal != nil {
		return &v1alpha1.Verified{Refused: refusalText(answer.Refusal)}
	}
	image, err := proxy.ParseImage(answer.Image)
	v := &v1alpha1.Verified{Injected: answer.Injected, Image: answer.Image, Revision: answer.Revision}
	if err == nil {
		v.Version = image.Version().Text
	}
	if item.Verdict.Status != v1alpha1.Unknown {
		agrees := same(item.Verdict.Expected, answer)
		v.Agrees = &agrees
	}
	return v
}

// same says whether an answer is what was expected.
func same(expected v1alpha1.Expected, answer dryrun.Answer) bool {
	switch {
	case expected.Image == "" && answer.Image == "":
		return expected.Injected == answer.Injected
	case !expected.Injected:
		// A proxy of the pod's own template is what it is, whatever revision it bears.
		return !answer.Injected && expected.Image == answer.Image
	default:
		return answer.Injected && expected.Image == answer.Image && expected.Revision == answer.Revision
	}
}

// refusalText says why a pod would not be created, or could not be asked for. Without a webhook the server's message
// begins with the pod's name, and that was made up.
func refusalText(r *dryrun.Refusal) string {
	if r.Webhook == "" {
		return r.Cause
	}
	return r.Error()
}

// agrees and differs say what came of comparing an item with the answer. Neither holds where there is nothing to compare.
func agrees(item scan.Item) bool {
	return item.Verified != nil && item.Verified.Agrees != nil && *item.Verified.Agrees
}

func differs(item scan.Item) bool {
	return item.Verified != nil && item.Verified.Agrees != nil && !*item.Verified.Agrees
}

// wrong says whether the real injector was asked about an item and answered something else, and that is not the matter of
// a rollout under way.
func wrong(item scan.Item) bool { return differs(item) && !item.Rollout }

// verifiedWord is the cell of the column VERIFIED.
func verifiedWord(item scan.Item) string {
	switch v := item.Verified; {
	case v == nil:
		return ""
	case v.Refused != "":
		return "refused"
	case agrees(item):
		return "yes"
	case item.Rollout:
		return "rollout"
	case differs(item):
		return "no"
	default:
		// There is an answer, but no prediction.
		return "unknown"
	}
}
