package pacing

import (
	"context"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/probe"
	"github.com/kubectl-mesh/kubectl-mesh/shared/progress"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartreport"
)

// Carry carries out a plan while the probes run, and shows on errOut how it goes. It returns what was done and seen; the error is
// that of restart.Run.
func (f *Flags) Carry(ctx context.Context, errOut io.Writer, clients *cluster.Clients, plan *restartplan.Plan, options restart.Options) (*v1alpha1.RestartReport, error) {
	display := progress.New(errOut)
	defer display.Close()
	options.Observe = display.Observe
	var prober *probe.Prober
	if p, asked := f.Probe(); asked {
		prober = probe.Start(context.WithoutCancel(ctx), p)
		defer prober.Stop()
		stop := make(chan string, 1)
		options.Stop = stop
		go func() { stop <- (<-prober.Breached()).String() }()
	}
	report, err := restart.Run(ctx, clients, plan, options)
	if err == nil && prober != nil {
		report.Probes = prober.Stop()
	}
	return report, err
}

// WriteReports writes what was done and seen to the files that were asked for. The error says which could not be written.
func (f *Flags) WriteReports(report *v1alpha1.RestartReport) error {
	for _, path := range f.Reports {
		if err := restartreport.WriteFile(path, report); err != nil {
			return err
		}
	}
	return nil
}

// ManifestDir returns where the manifests of a cluster's bare pods are kept while these do not exist. host is the URL of its API
// server, which stands for it where its own identity may not be read.
func ManifestDir(ctx context.Context, clients *cluster.Clients, host string) (string, error) {
	// Several clusters may have the same URL, one after the other, but no two have the same namespace.
	namespace, err := clients.Kube.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	switch {
	case err == nil:
		return barepod.Dir(string(namespace.UID))
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return barepod.Dir(host)
	default:
		return "", fmt.Errorf("reading namespace %s: %w", metav1.NamespaceSystem, err)
	}
}
