package dryrun

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
)

// Workload is one to ask about.
type Workload struct {
	podtemplate.Workload
	// Pod is the name of one of its pods. What that was before injection is asked about where the workload's template is
	// not known how to read, may not be read, or is gone; for a bare pod it is the pod itself.
	Pod string
}

// DefaultParallel is the number of requests in flight where Options says none.
const DefaultParallel = 8

// Options says how to ask.
type Options struct {
	// Parallel is the number of requests in flight; 0 is DefaultParallel.
	Parallel int
	// Chunk is the page size of lists.
	Chunk int64
}

// Each asks once about every distinct workload, several at a time, and calls do with each answer, one call at a time, in
// no particular order. Templates are listed as podtemplate.Each does it, and asked about while the next page is read. What
// may not be listed becomes a gap, and the workloads of that kind are asked about by their pods.
//
// It ends early with the end of ctx, and with an error of do, which it returns. A request that fails after all is a refusal
// of class ServerError, and the others are made all the same. Any other error is for a cluster that several requests in a
// row cannot reach, for credentials that do not do, and for lists that fail.
func Each(ctx context.Context, kube kubernetes.Interface, options Options, workloads []Workload, do func(Workload, Answer) error) ([]cluster.Gap, error) {
	if options.Parallel <= 0 {
		options.Parallel = DefaultParallel
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(options.Parallel)
	r := &round{ctx: ctx, kube: kube, group: group, do: do, left: map[podtemplate.Workload]Workload{}}
	var names []podtemplate.Workload
	for _, w := range workloads {
		if _, seen := r.left[w.Workload]; !seen {
			names = append(names, w.Workload)
			r.left[w.Workload] = w
		}
	}
	gaps, err := podtemplate.Each(ctx, kube, options.Chunk, names, r.askTemplate)
	if err == nil {
		r.askPods(names)
	}
	// The first failure of a request ends the listing too, and is the one to tell of.
	if failed := group.Wait(); failed != nil {
		return gaps, failed
	}
	return gaps, err
}

// round is one asking about all workloads.
type round struct {
	ctx   context.Context
	kube  kubernetes.Interface
	group *errgroup.Group

	// mu guards do and reach.
	mu    sync.Mutex
	do    func(Workload, Answer) error
	reach reach

	// left are the workloads that nobody has been asked about yet. Only the goroutine that hands out the work touches it.
	left map[podtemplate.Workload]Workload
}

// askTemplate waits until a request may be made, so that reading pages gets no further ahead.
func (r *round) askTemplate(name podtemplate.Workload, pod *corev1.Pod) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	w := r.left[name]
	delete(r.left, name)
	r.group.Go(func() error { return r.ask(w, pod) })
	return nil
}

// askPods asks about what had no template.
func (r *round) askPods(names []podtemplate.Workload) {
	for _, name := range names {
		w, left := r.left[name]
		if !left {
			continue
		}
		r.group.Go(func() error { return r.askPod(w) })
	}
}

func (r *round) askPod(w Workload) error {
	answer, err := AskByPod(r.ctx, r.kube, w.Workload, w.Pod)
	if err != nil {
		return r.fail(w, err)
	}
	if answer.Refusal == nil || answer.Refusal.Class != Unasked {
		r.answered()
	}
	return r.tell(w, answer)
}

// AskByPod asks about a workload by what one of its pods was before injection. The answer is a refusal of class Unasked
// where the pod may not be read, is gone, or tells nothing; the error is as for Ask.
func AskByPod(ctx context.Context, kube kubernetes.Interface, w podtemplate.Workload, name string) (Answer, error) {
	pod, err := readPod(ctx, kube, w.Namespace, name)
	if apierrors.IsForbidden(err) {
		return unasked("reading pod %s/%s: %w", w.Namespace, name, err), nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("reading pod %s/%s: %w", w.Namespace, name, err)
	}
	if pod == nil {
		return unasked("neither the template of %s nor pod %s exists in namespace %s any more", w.Ref, name, w.Namespace), nil
	}
	if pod, err = manifest.Of(pod); err != nil {
		return unasked("%w", err), nil
	}
	answer, err := Ask(ctx, kube, pod)
	if answer.Refusal == nil {
		answer.Asked = pod
	}
	return answer, err
}

// readPod returns nil where there is no such pod. It lists, because who may list pods may not be allowed to get one.
func readPod(ctx context.Context, kube kubernetes.Interface, namespace, name string) (*corev1.Pod, error) {
	list, err := kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(),
	})
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

func (r *round) ask(w Workload, pod *corev1.Pod) error {
	answer, err := Ask(r.ctx, r.kube, pod)
	if err != nil {
		return r.fail(w, err)
	}
	r.answered()
	if answer.Refusal == nil {
		answer.Asked = pod
	}
	return r.tell(w, answer)
}

// answered notes that the cluster can be reached.
func (r *round) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reach.after(r.ctx, nil)
}

// fail tells of a request that failed, or returns its error where there is no use in going on.
func (r *round) fail(w Workload, err error) error {
	r.mu.Lock()
	giveUp := r.reach.after(r.ctx, err)
	r.mu.Unlock()
	if giveUp {
		return err
	}
	return r.tell(w, failed(err))
}

func (r *round) tell(w Workload, answer Answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	return r.do(w, answer)
}
