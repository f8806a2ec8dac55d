package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/kwok"
)

const (
	deployments = 10 // in each namespace
	replicas    = 10
	readyAfter  = "3s"
)

// pace is one run of this program.
type pace struct {
	options
	*measure.Bench
	lab   *cluster.Cluster
	moves int
}

// measure fills the report: first the requests of a run over half as many Deployments, of one pod each, then every command
// over all of them.
func (p *pace) measure(ctx context.Context) (*report, error) {
	var err error
	if p.lab, err = startLab(ctx, p.namespaces*deployments*replicas); err != nil {
		return nil, err
	}
	defer p.lab.Stop()
	r := &report{namespaces: p.namespaces, runs: map[string]measure.Runs{}}
	if err := p.few(ctx, r); err != nil {
		return nil, err
	}
	if err := p.load(ctx, prefix, p.namespaces, deployments, replicas); err != nil {
		return nil, err
	}
	for round := range p.rounds {
		if err := p.round(ctx, round, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// round runs every command once, and the slow ones only as often as they are to be counted.
func (p *pace) round(ctx context.Context, round int, r *report) error {
	commands := []measure.Command{p.help(), p.floor(), p.unthrottled()}
	if round < p.slowRounds {
		commands = append(commands, p.tenSlots(), p.loop())
	}
	for _, c := range measure.InTurn(commands, round) {
		fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, p.rounds, c.Name)
		sample, err := p.once(ctx, c, r.count)
		if err != nil {
			return err
		}
		r.runs[c.Name] = append(r.runs[c.Name], sample)
		if c.Name == tenSlots {
			if err := r.readSlots(c.Output); err != nil {
				return err
			}
		}
	}
	return nil
}

// once makes every pod stale and runs the command, of whose requests an account is taken where it is the plugin.
func (p *pace) once(ctx context.Context, c measure.Command, count func([]auditv1.Event)) (sample measure.Sample, err error) {
	if c.Name == help {
		return p.Once(ctx, p.lab.Env(), c)
	}
	if err := p.makeStale(ctx); err != nil {
		return sample, err
	}
	run := func() (err error) {
		sample, err = p.Once(ctx, p.lab.Env(), c)
		return err
	}
	if c.Name != unthrottled && c.Name != tenSlots {
		return sample, run()
	}
	sent, err := measure.Sent(p.lab.AuditLog(), agent, run)
	count(sent)
	return sample, err
}

// startLab starts a lab with both revisions and room for the pods, of which rollouts have more for a while.
func startLab(ctx context.Context, pods int) (*cluster.Cluster, error) {
	lab, err := cluster.Start(ctx, cluster.Options{Log: os.Stderr, Nodes: 1 + 2*pods/100})
	if err != nil {
		return nil, err
	}
	for _, i := range []cluster.Istio{{Revision: revisions[0], Tag: "1.22.0"}, {Revision: revisions[1], Tag: "1.23.0"}} {
		if err := lab.InstallIstio(ctx, i); err != nil {
			return nil, errors.Join(err, lab.Stop())
		}
	}
	if err := moveTag(ctx, lab, revisions[0]); err != nil {
		return nil, errors.Join(err, lab.Stop())
	}
	return lab, nil
}

// few counts the requests of a run over few Deployments, which are gone afterwards.
func (p *pace) few(ctx context.Context, r *report) error {
	const prefix, namespaces = "few", 1
	if err := p.load(ctx, prefix, namespaces, p.namespaces*deployments/2, 1); err != nil {
		return err
	}
	if _, err := p.once(ctx, p.unthrottled(), r.count); err != nil {
		return err
	}
	_, err := p.lab.Kubectl(ctx, "delete", "namespace", prefix+"-1")
	return err
}

// load creates Deployments whose pods follow the tag, and waits for them.
func (p *pace) load(ctx context.Context, prefix string, namespaces, deployments, replicas int) error {
	return p.lab.Load(ctx, cluster.Load{
		Namespaces: namespaces, Deployments: deployments, Replicas: replicas, Prefix: prefix,
		Labels: map[string]string{"istio.io/rev": tag}, Annotations: map[string]string{kwok.ReadyDelay: readyAfter},
	})
}
