// Package argo plays Argo Rollouts' controller, as far as a restart of pods by spec.restartAt goes.
//
// Source: https://github.com/argoproj/argo-rollouts/blob/v1.10.1/rollout/restart.go. The real one builds without
// conflicts in a module of its own, but brings 1,700 packages of clouds and messengers along, and listens on fixed ports
// of every interface.
//
// What is as there: old pods are evicted, so that PodDisruptionBudgets hold; as many at once as maxUnavailable allows,
// one at least; a restart whose time has not come waits for it; and status.restartedAt says that the last old pod was
// asked to go, not that its replacement is ready.
//
// What is left out: a Rollout has one ReplicaSet, of the template that it was created with, so that steps, weights,
// analyses, pausing, aborting and workloadRef do nothing, a changed template is not rolled out, and status has neither
// conditions nor what belongs to a strategy. A pod that could not be evicted is tried again after a second, not thirty.
package argo

import (
	"context"
	"fmt"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// player is the controller.
type player struct {
	client   kubernetes.Interface
	rollouts dynamic.NamespaceableResourceInterface
	sets     cache.Indexer
	known    cache.Indexer // of Rollouts
	queue    workqueue.TypedRateLimitingInterface[string]
}

// Play plays the controller for every Rollout of the cluster until ctx ends, and returns once it has begun. What fails is
// written to log, and tried again. The error says that the Rollouts could not be listed before ctx ended, or that the
// configuration is wrong.
func Play(ctx context.Context, config *rest.Config, log io.Writer) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("playing Argo Rollouts: %w", err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("playing Argo Rollouts: %w", err)
	}
	typed := informers.NewSharedInformerFactory(client, 0)
	sets := typed.Apps().V1().ReplicaSets().Informer()
	rollouts := dynamicinformer.NewDynamicSharedInformerFactory(untyped, 0).ForResource(resource).Informer()
	p := &player{
		client: client, rollouts: untyped.Resource(resource), sets: sets.GetIndexer(), known: rollouts.GetIndexer(),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]()),
	}
	if err := p.listen(ctx, rollouts, sets); err != nil {
		return fmt.Errorf("playing Argo Rollouts: %w", err)
	}
	context.AfterFunc(ctx, p.queue.ShutDown)
	go p.work(ctx, log)
	return nil
}

// listen starts the informers and waits until they know everything.
func (p *player) listen(ctx context.Context, rollouts, sets cache.SharedIndexInformer) error {
	for informer, key := range map[cache.SharedIndexInformer]func(any) string{rollouts: keyOf, sets: ownerOf} {
		changed := func(obj any) {
			if k := key(obj); k != "" {
				p.queue.Add(k)
			}
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed,
		})
		if err != nil {
			return err
		}
		go informer.RunWithContext(ctx)
	}
	if !cache.WaitForCacheSync(ctx.Done(), rollouts.HasSynced, sets.HasSynced) {
		return context.Cause(ctx)
	}
	return nil
}

func keyOf(obj any) string {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj)
	if err != nil { // it is no object
		return ""
	}
	return key
}

// ownerOf returns the key of the Rollout that a ReplicaSet belongs to, or "".
func ownerOf(obj any) string {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	set, ok := obj.(*appsv1.ReplicaSet)
	if !ok {
		return ""
	}
	owner := metav1.GetControllerOf(set)
	if owner == nil || owner.Kind != kind.Kind {
		return ""
	}
	return set.Namespace + "/" + owner.Name
}

// work plays one Rollout after the other.
func (p *player) work(ctx context.Context, log io.Writer) {
	for {
		key, shutdown := p.queue.Get()
		if shutdown {
			return
		}
		if err := p.play(ctx, key); err != nil && ctx.Err() == nil {
			fmt.Fprintf(log, "Rollout %s: %v\n", key, err)
			p.queue.AddRateLimited(key)
		} else {
			p.queue.Forget(key)
		}
		p.queue.Done(key)
	}
}
