package proxyver

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"

	"github.com/kubectl-mesh/kubectl-mesh/shared/offline"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// openDump reads everything from the dump that --filename names.
func (o *Options) openDump() (*source, error) {
	dump, err := o.readDump()
	if err != nil {
		return nil, err
	}
	if o.namespace != "" && !dump.Has(o.namespace, workload.Ref{}) {
		return nil, fmt.Errorf("namespace %q is not in the dump", o.namespace)
	}
	named, err := o.resolveOffline(dump)
	if err != nil {
		return nil, err
	}
	return &source{
		mesh: dump.Objects.Mesh(o.IstioNamespace), owners: dump.Owners, sets: dump.Sets, named: named, dump: dump, each: dump.Each,
	}, nil
}

func (o *Options) readDump() (*offline.Cluster, error) {
	var in io.Reader = o.In
	if o.Filename != "-" {
		file, err := os.Open(o.Filename)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	dump, err := offline.Read(in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", cmp.Or(strings.TrimPrefix(o.Filename, "-"), "standard input"), err)
	}
	return dump, nil
}

// offlineKinds are the types that can be named without a cluster that knows them, by the words for them.
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
}

// resolveOffline finds the objects that the arguments name in a dump.
func (o *Options) resolveOffline(dump *offline.Cluster) (targets, error) {
	found := targets{}
	for _, arg := range o.Args {
		word, name, _ := strings.Cut(arg, "/")
		// `kubectl get -o name` qualifies types: deployment.apps/cart.
		word, _, _ = strings.Cut(strings.ToLower(word), ".")
		ref, ok := offlineKind(word)
		if !ok {
			return nil, fmt.Errorf("%q: a dump does not tell what a %q is; name a pod or a workload", arg, word)
		}
		ref.Name = name
		found[ref] = false
	}
	return found, nil
}

func offlineKind(word string) (workload.Ref, bool) {
	for words, ref := range offlineKinds {
		if slices.Contains(strings.Fields(words), word) {
			return ref, true
		}
	}
	return workload.Ref{}, false
}

// absent returns an error for an object that a dump has neither itself nor by a pod of it.
func (t targets) absent(dump *offline.Cluster, namespace string) error {
	if dump == nil {
		return nil
	}
	for named, found := range t {
		if !found && !dump.Has(namespace, named) {
			return fmt.Errorf("%s is not in the dump, nor a pod of it in namespace %s", named, namespace)
		}
	}
	return nil
}

// validateOffline finds what cannot be done with a dump.
func (o *Options) validateOffline() error {
	switch {
	case o.Watch:
		return fmt.Errorf("--filename: a dump does not change: leave --watch out")
	case o.Verify:
		return fmt.Errorf("--filename: --verify asks the real injector, which a dump has not: leave it out")
	case len(o.Args) > 0 && o.namespace == "":
		return fmt.Errorf("--filename: name the namespace of %s with -n", strings.Join(o.Args, ", "))
	}
	selector, err := fields.ParseSelector(o.FieldSelector)
	if err != nil {
		return fmt.Errorf("--field-selector %q: %w", o.FieldSelector, err)
	}
	for _, r := range selector.Requirements() {
		if !slices.Contains(offline.FieldsThatSelect(), r.Field) {
			return fmt.Errorf("--field-selector %q: of a dump's pods there is only %s", o.FieldSelector, orList(offline.FieldsThatSelect()))
		}
	}
	return nil
}
