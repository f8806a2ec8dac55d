package main

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

const (
	thousand = 1000
	revision = "1-23"
	// replicas is the number of pods in each Deployment.
	replicas = 10
	// dense and sparse are numbers of Deployments in a namespace.
	dense, sparse = 10, 1
)

// bench is one run of this program.
type bench struct {
	options
	*measure.Bench
}

// measure fills the report: first the same pods in many namespaces, in a lab that is gone again before the clock matters,
// then every size in one lab that grows.
func (b *bench) measure(ctx context.Context) (*report, error) {
	r := &report{rounds: b.rounds}
	var err error
	if r.spread, r.statusSpread, err = b.spread(ctx); err != nil {
		return nil, err
	}
	all := b.all()
	lab, err := startLab(ctx, all[len(all)-1])
	if err != nil {
		return nil, err
	}
	defer lab.Stop()
	for _, pods := range all {
		s, err := b.size(ctx, lab, pods)
		if err != nil {
			return nil, err
		}
		r.sizes = append(r.sizes, s)
		if pods == b.pods {
			r.compared = s
		}
	}
	return r, nil
}

// spread counts the requests for the smallest size with ten times as many namespaces as usual.
func (b *bench) spread(ctx context.Context) (report, status *requests, err error) {
	pods := b.all()[0]
	lab, err := startLab(ctx, pods)
	if err != nil {
		return nil, nil, err
	}
	defer lab.Stop()
	if err := grow(ctx, lab, pods, sparse); err != nil {
		return nil, nil, err
	}
	return b.countBoth(ctx, lab)
}

// countBoth counts the requests of the commands whose requests are reported.
func (b *bench) countBoth(ctx context.Context, lab *cluster.Cluster) (report, status *requests, err error) {
	if report, err = b.countRequests(ctx, lab, agent, b.report()); err != nil {
		return nil, nil, err
	}
	status, err = b.countRequests(ctx, lab, canaryAgent, b.status())
	return report, status, err
}

// size adds pods until there are that many and measures.
func (b *bench) size(ctx context.Context, lab *cluster.Cluster, pods int) (*size, error) {
	if err := grow(ctx, lab, pods, dense); err != nil {
		return nil, err
	}
	s := &size{pods: pods, runs: map[string]measure.Runs{}}
	var err error
	if s.requests, s.statusRequests, err = b.countBoth(ctx, lab); err != nil {
		return nil, err
	}
	commands := b.essential()
	if pods == b.pods {
		commands = append(commands, b.compared(lab)...)
	}
	if err := b.race(ctx, lab, commands, s); err != nil {
		return nil, err
	}
	if pods == b.pods {
		s.pastedLines, err = b.pastedLines()
	}
	return s, err
}

// race runs the commands in turn, once to warm up and then as often as runs are counted.
func (b *bench) race(ctx context.Context, lab *cluster.Cluster, commands []measure.Command, s *size) error {
	for round := range b.rounds + 1 {
		fmt.Fprintf(os.Stderr, "%d pods: round %d of %d\n", s.pods, round, b.rounds)
		for _, c := range measure.InTurn(commands, round) {
			result, err := b.Once(ctx, lab.Env(), c)
			if err != nil {
				return err
			}
			if round > 0 {
				s.runs[c.Name] = append(s.runs[c.Name], result)
			}
		}
	}
	return nil
}

// startLab starts a lab with one revision of Istio and room for the pods.
func startLab(ctx context.Context, pods int) (*cluster.Cluster, error) {
	lab, err := cluster.Start(ctx, cluster.Options{Log: os.Stderr, Nodes: pods / 100})
	if err != nil {
		return nil, err
	}
	if err := lab.InstallIstio(ctx, cluster.Istio{Revision: revision, Tag: "1.23.0"}); err != nil {
		_ = lab.Stop()
		return nil, err
	}
	if err := record(ctx, lab); err != nil {
		_ = lab.Stop()
		return nil, err
	}
	return lab, nil
}

// recorded is an upgrade that has just been started, so that all namespaces are still to be moved.
const recorded = `apiVersion: mesh.kubectl.dev/v1alpha1
kind: CanaryUpgrade
phase: started
from: "` + revision + `"
to: 1-24
istioNamespace: ` + istioNamespace + `
startedAt: "2026-01-02T12:00:00Z"
changedAt: "2026-01-02T12:00:00Z"
tags: []
namespaces: []
`

// istioNamespace is where the lab has Istio.
const istioNamespace = "istio-system"

// record gives the lab an upgrade whose status can be asked for.
func record(ctx context.Context, lab *cluster.Cluster) error {
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kubectl-mesh-canary"}, Data: map[string]string{"upgrade.yaml": recorded}}
	if _, err := lab.Client().CoreV1().ConfigMaps(istioNamespace).Create(ctx, c, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("recording an upgrade: %w", err)
	}
	return nil
}

// grow adds to what is there until there are that many pods, all made by Deployments and injected by the real istiod.
func grow(ctx context.Context, lab *cluster.Cluster, pods, deployments int) error {
	return lab.Load(ctx, cluster.Load{
		Namespaces: namespaces(pods, deployments), Deployments: deployments, Replicas: replicas,
		Labels: map[string]string{"istio.io/rev": revision},
	})
}

func namespaces(pods, deployments int) int { return pods / deployments / replicas }
