package completion

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is a kind of workload that can be named as TYPE/NAME.
type Kind struct {
	// spellings are those that kubectl takes, the one first that people are shown.
	spellings []string
	resource  schema.GroupVersionResource
	// controller is the kind of those whose objects of this kind nobody names, but them.
	controller string
}

// The kinds of workloads that can be named.
var (
	Deployments            = Kind{spellings: []string{"deployment", "deploy", "deployments"}, resource: appsv1.SchemeGroupVersion.WithResource("deployments")}
	StatefulSets           = Kind{spellings: []string{"statefulset", "sts", "statefulsets"}, resource: appsv1.SchemeGroupVersion.WithResource("statefulsets")}
	DaemonSets             = Kind{spellings: []string{"daemonset", "ds", "daemonsets"}, resource: appsv1.SchemeGroupVersion.WithResource("daemonsets")}
	ReplicaSets            = Kind{spellings: []string{"replicaset", "rs", "replicasets"}, resource: appsv1.SchemeGroupVersion.WithResource("replicasets"), controller: "Deployment"}
	ReplicationControllers = Kind{spellings: []string{"replicationcontroller", "rc", "replicationcontrollers"}, resource: corev1.SchemeGroupVersion.WithResource("replicationcontrollers")}
	Rollouts               = Kind{spellings: []string{"rollout", "ro", "rollouts"}, resource: schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}}
	Jobs                   = Kind{spellings: []string{"job", "jobs"}, resource: batchv1.SchemeGroupVersion.WithResource("jobs")}
	Pods                   = Kind{spellings: []string{"pod", "po", "pods"}, resource: corev1.SchemeGroupVersion.WithResource("pods")}
)

// Workloads completes TYPE/NAME, the type first and then the names in the namespace that the command line or the context says. Those
// that are typed already, in whatever spelling, are left out.
func (c *Cluster) Workloads(kinds ...Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		spelling, _, slash := strings.Cut(toComplete, "/")
		if !slash {
			return types(kinds, toComplete)
		}
		kind, known := spelt(kinds, spelling)
		if !known {
			return None(cmd, args, toComplete)
		}
		return Found(func(ctx context.Context, _ *cobra.Command) ([]cobra.Completion, error) {
			namespace, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
			if err != nil {
				return nil, err
			}
			names, err := c.names(ctx, kind.resource, namespace, kind.controller)
			if err != nil {
				return nil, err
			}
			names = slices.DeleteFunc(names, func(name string) bool { return typed(args, kind, name) })
			for i, name := range names {
				names[i] = spelling + "/" + name
			}
			return names, nil
		})(cmd, args, toComplete)
	}
}

// types completes what stands before the slash: of each kind the first spelling that fits.
func types(kinds []Kind, toComplete string) (all []cobra.Completion, directive cobra.ShellCompDirective) {
	for _, kind := range kinds {
		for _, spelling := range kind.spellings {
			if strings.HasPrefix(spelling, toComplete) {
				all = append(all, spelling+"/")
				break
			}
		}
	}
	if len(all) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// spelt returns the kind that a spelling means; false where it is none of them.
func spelt(kinds []Kind, spelling string) (Kind, bool) {
	for _, kind := range kinds {
		if slices.Contains(kind.spellings, strings.ToLower(spelling)) {
			return kind, true
		}
	}
	return Kind{}, false
}

// typed says whether an object is among the arguments.
func typed(args []string, kind Kind, name string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		spelling, named, _ := strings.Cut(arg, "/")
		return named == name && slices.Contains(kind.spellings, strings.ToLower(spelling))
	})
}
