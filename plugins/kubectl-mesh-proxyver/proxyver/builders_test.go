package proxyver

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/status"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

const (
	repository = "docker.io/istio/proxyv2:"
	digest     = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// options returns options with their defaults, and what they print to stderr.
func options() (*Options, *bytes.Buffer) {
	var errOut bytes.Buffer
	return NewOptions(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &bytes.Buffer{}, ErrOut: &errOut}), &errOut
}

// item is what a scan says of the pod "namespace/name", which the workload "group/Kind/name" controls.
func item(pod, controller string, s v1alpha1.Status, changes ...func(*scan.Item)) scan.Item {
	var options []fixture.PodOption
	if controller != "" {
		part := strings.Split(controller, "/")
		options = append(options, fixture.ControlledBy(part[0]+"/v1", part[1], part[2]))
	}
	i := scan.Item{Pod: proxy.FromPod(fixture.Pod(pod, options...)), Verdict: status.Verdict{Status: s, Reason: "because it is " + string(s)}}
	i.Pod.Node, i.Pod.Ready = "node-1", true
	i.Chain = (&workload.Owners{}).Of(i.Pod)
	for _, change := range changes {
		change(&i)
	}
	return i
}

func runs(rev, tag string) func(*scan.Item) {
	return func(i *scan.Item) {
		image, _ := proxy.ParseImage(repository + tag)
		i.Verdict.Proxy = &v1alpha1.Proxy{Image: image.Ref, Version: image.Version().Text, Revision: rev}
	}
}

func wants(rev, tag string) func(*scan.Item) {
	return func(i *scan.Item) {
		image, _ := proxy.ParseImage(repository + tag)
		i.Verdict.Expected = v1alpha1.Expected{Injected: true, Image: image.Ref, Version: image.Version().Text, Revision: rev}
	}
}

// decidedBy sets the control plane that the decision came to; one that is called by URL has no namespace.
func decidedBy(namespace, rev string) func(*scan.Item) {
	return func(i *scan.Item) { i.Verdict.Owner = revision.ControlPlane{Namespace: namespace, Revision: rev} }
}

func through(tag string) func(*scan.Item) {
	return func(i *scan.Item) { i.Verdict.Expected.Tag = tag }
}

func onNode(node string) func(*scan.Item) { return func(i *scan.Item) { i.Pod.Node = node } }

// someItems has a pod of most kinds there are.
func someItems() []scan.Item {
	return []scan.Item{
		item("shop/cart-2", "apps/Deployment/cart", v1alpha1.Current, runs("1-23", "1.23.0"), wants("1-23", "1.23.0"), through("prod-stable"), onNode("node-2")),
		item("shop/cart-1", "apps/Deployment/cart", v1alpha1.Outdated, runs("1-22", "1.9.0"), wants("1-23", "1.23.0"), through("prod-stable")),
		item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Mismatched, runs("1-23", "1.23.0-distroless"), wants("1-23", "1.23.0"), func(i *scan.Item) {
			i.Verdict.Proxy.Native = true
			i.Chain.Refs = append(i.Chain.Refs, workload.Ref{Group: "example.com", Kind: "Database", Name: "db"})
		}),
		item("shop/lost", "apps/ReplicaSet/lost", v1alpha1.Missing, wants("1-23", "1.23.0")),
		item("shop/roll-1", "argoproj.io/Rollout/roll", v1alpha1.Unexpected, runs("1-22", "1.10.0")),
		item("shop/job-1", "batch/Job/job", v1alpha1.Unknown),
		item("bank/bare", "", v1alpha1.Orphaned, runs("gone", "latest"), wants("1-23", "1.23.0")),
		item("bank/pinned-1", "apps/Deployment/pinned", v1alpha1.Current, func(i *scan.Item) {
			image := "docker.io/istio/proxyv2@" + digest
			i.Verdict.Proxy = &v1alpha1.Proxy{Image: image, Revision: "1-23"}
			i.Verdict.Expected = v1alpha1.Expected{Injected: true, Image: image, Revision: "1-23"}
		}),
		item("istio-system/ztunnel-1", "apps/DaemonSet/ztunnel", v1alpha1.Current, runs("", "1.23.0"), wants("", "1.23.0"), func(i *scan.Item) { i.Pod.Type = proxy.Ztunnel }),
		item("plain/app", "apps/Deployment/app", v1alpha1.None),
	}
}

// printed is what an output makes of the items.
func printed(t *testing.T, o *Options, items []scan.Item) string {
	t.Helper()
	var text bytes.Buffer
	out, err := o.output(&text)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if err := out.add(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.finish(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
