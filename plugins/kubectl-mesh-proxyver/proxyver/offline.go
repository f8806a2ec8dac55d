package proxyver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/fields"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/offline"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// openDump reads everything from the dump that --filename names.
func (o *Options) openDump(ctx context.Context) (*source, error) {
	dump, err := o.readDump(ctx)
	if err != nil {
		return nil, err
	}
	if o.namespace != "" && !dump.Has(o.namespace, workload.Ref{}) {
		return nil, fmt.Errorf("namespace %q is not in the dump", o.namespace)
	}
	named, err := o.resolveOffline()
	if err != nil {
		return nil, err
	}
	if o.above() {
		dump.LackAbove()
	}
	return &source{
		mesh: dump.Objects.Mesh(o.IstioNamespace), owners: dump.Owners, sets: dump.Sets, named: named, dump: dump, each: dump.Each,
	}, nil
}

// readDump reads the dump, and stops waiting for it when ctx ends: standard input may never do.
func (o *Options) readDump(ctx context.Context) (*offline.Cluster, error) {
	in, name := o.In, "standard input"
	if o.Filename != "-" {
		file, err := os.Open(o.Filename)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in, name = file, o.Filename
	}
	var dump *offline.Cluster
	read := make(chan error, 1)
	go func() {
		var err error
		dump, err = offline.Read(in)
		read <- err
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-read:
		if errors.Is(err, syscall.EISDIR) {
			return nil, fmt.Errorf("reading %s: it is a directory; name a file in it", name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		return dump, nil
	}
}

// offlineKinds are the types that can be named without a cluster that knows them, by the words for them. The last ones
// are no workloads, and there is advice for those who name them.
var offlineKinds = map[string]workload.Ref{
	"po pod pods": {Kind: "Pod"},
	"rc replicationcontroller replicationcontrollers": {Kind: "ReplicationController"},
	"deploy deployment deployments":                   {Group: "apps", Kind: "Deployment"},
	"rs replicaset replicasets":                       {Group: "apps", Kind: "ReplicaSet"},
	"sts statefulset statefulsets":                    {Group: "apps", Kind: "StatefulSet"},
	"ds daemonset daemonsets":                         {Group: "apps", Kind: "DaemonSet"},
	"job jobs":                                        {Group: "batch", Kind: "Job"},
	"cj cronjob cronjobs":                             {Group: "batch", Kind: "CronJob"},
	"gtw gateway gateways":                            {Group: gatewayGroup, Kind: "Gateway"},
	"ro rollout rollouts":                             {Group: "argoproj.io", Kind: "Rollout"},
	"dc deploymentconfig deploymentconfigs":           {Group: "apps.openshift.io", Kind: "DeploymentConfig"},
	"ns namespace namespaces":                         {Kind: "Namespace"},
	"no node nodes":                                   {Kind: "Node"},
	"svc service services":                            {Kind: "Service"},
}

// resolveOffline finds what the arguments name, without a cluster that knows its types.
func (o *Options) resolveOffline() (targets, error) {
	found := targets{}
	for _, arg := range o.Args {
		word, name, _ := strings.Cut(arg, "/")
		ref, ok := offlineKind(word)
		if !ok {
			return nil, fmt.Errorf("%q: a dump does not tell what a %q is; name a pod or a workload", arg, word)
		}
		ref.Name = name
		if err := plugin.OwnsPods(ref, true); err != nil {
			return nil, err
		}
		found[ref] = false
	}
	return found, nil
}

// offlineKind returns the kind that a word stands for, as in `deploy`, or as `kubectl get -o name` qualifies it, as in
// `deployment.apps`, perhaps with a version before the group.
func offlineKind(word string) (workload.Ref, bool) {
	word, group, qualified := strings.Cut(strings.ToLower(word), ".")
	for words, ref := range offlineKinds {
		if slices.Contains(strings.Fields(words), word) {
			_, unversioned, _ := strings.Cut(group, ".")
			return ref, !qualified || group == ref.Group || unversioned == ref.Group
		}
	}
	return workload.Ref{}, false
}

// absent returns an error for an object that a dump has neither itself nor by a pod of it.
func (t targets) absent(dump *offline.Cluster, namespace string) error {
	if dump == nil {
		return nil
	}
	for _, named := range t.sorted() {
		if !t[named] && !dump.Has(namespace, named) {
			return fmt.Errorf("neither %s of namespace %s nor a pod of it is in the dump", named, namespace)
		}
	}
	return nil
}

// validateOffline finds what cannot be done with a dump.
func (o *Options) validateOffline() error {
	switch {
	case o.Watch:
		return errors.New("--filename: a dump does not change: leave --watch out")
	case o.Verify:
		return errors.New("--filename: --verify asks the real injector, which a dump has not: leave it out")
	case len(o.Args) > 0 && o.namespace == "":
		return fmt.Errorf("--filename: name the namespace of %s with -n", strings.Join(o.Args, ", "))
	}
	selector, err := fields.ParseSelector(o.FieldSelector)
	if err != nil {
		return fmt.Errorf("--field-selector %q: %w", o.FieldSelector, err)
	}
	for _, r := range selector.Requirements() {
		if !slices.Contains(offline.FieldsThatSelect(), r.Field) {
			return fmt.Errorf("--field-selector %q: of a dump's pods there is only %s", o.FieldSelector, plugin.OrList(offline.FieldsThatSelect()))
		}
	}
	return nil
}
