package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// countRequests runs a command once and finds in the audit log what it sent as that agent.
func (b *bench) countRequests(ctx context.Context, lab *cluster.Cluster, agent string, c measure.Command) (*requests, error) {
	events, err := measure.Sent(lab.AuditLog(), agent, func() error {
		_, err := b.Once(ctx, lab.Env(), c)
		return err
	})
	if err != nil {
		return nil, err
	}
	r := tally(events, agent)
	return r, r.countObjects(ctx, lab)
}

// countObjects asks for what there is of each listed kind, in a way that has nothing to do with the plugin's.
func (r *requests) countObjects(ctx context.Context, lab *cluster.Cluster) error {
	client, err := metadata.NewForConfig(lab.RESTConfig())
	if err != nil {
		return fmt.Errorf("making a metadata client: %w", err)
	}
	for i := range r.listed {
		if r.listed[i].objects, err = count(ctx, client, r.listed[i].kind); err != nil {
			return err
		}
	}
	r.namespaces, err = count(ctx, client, kind{resource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}})
	return err
}

func count(ctx context.Context, client metadata.Interface, k kind) (n int, err error) {
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return client.Resource(k.resource).List(ctx, o)
	}
	options := metav1.ListOptions{LabelSelector: k.labels, FieldSelector: k.fields}
	err = pager.New(list).EachListItem(ctx, options, func(runtime.Object) error { n++; return nil })
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", k.resource.Resource, err)
	}
	return n, nil
}
