package main

import (
	"context"
	"fmt"
	"os"

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
	spread, err := b.spread(ctx)
	if err != nil {
		return nil, err
	}
	r.spread = spread
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
func (b *bench) spread(ctx context.Context) (*requests, error) {
	pods := b.all()[0]
	lab, err := startLab(ctx, pods)
	if err != nil {
		return nil, err
	}
	defer lab.Stop()
	if err := grow(ctx, lab, pods, sparse); err != nil {
		return nil, err
	}
	return b.countRequests(ctx, lab)
}

// size adds pods until there are that many and measures.
func (b *bench) size(ctx context.Context, lab *cluster.Cluster, pods int) (*size, error) {
	if err := grow(ctx, lab, pods, dense); err != nil {
		return nil, err
	}
	s := &size{pods: pods, runs: map[string]measure.Runs{}}
	var err error
	if s.requests, err = b.countRequests(ctx, lab); err != nil {
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
	return lab, nil
}

// grow adds to what is there until there are that many pods, all made by Deployments and injected by the real istiod.
func grow(ctx context.Context, lab *cluster.Cluster, pods, deployments int) error {
	return lab.Load(ctx, cluster.Load{
		Namespaces: namespaces(pods, deployments), Deployments: deployments, Replicas: replicas,
		Labels: map[string]string{"istio.io/rev": revision},
	})
}

func namespaces(pods, deployments int) int { return pods / deployments / replicas }
