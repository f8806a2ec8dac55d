package rollout

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// resources are where the kinds are listed that are known how to restart.
var resources = map[schema.GroupKind]schema.GroupVersionResource{
	{Group: appsGroup, Kind: "Deployment"}:  {Group: appsGroup, Version: "v1", Resource: "deployments"},
	{Group: appsGroup, Kind: "StatefulSet"}: {Group: appsGroup, Version: "v1", Resource: "statefulsets"},
	{Group: appsGroup, Kind: "DaemonSet"}:   {Group: appsGroup, Version: "v1", Resource: "daemonsets"},
	{Group: appsGroup, Kind: "ReplicaSet"}:  {Group: appsGroup, Version: "v1", Resource: "replicasets"},
	{Kind: "ReplicationController"}:         {Version: "v1", Resource: "replicationcontrollers"},
	{Group: argoGroup, Kind: "Rollout"}:     {Group: argoGroup, Version: "v1alpha1", Resource: "rollouts"},
}

// Known says whether Of reads objects of the reference's kind.
func Known(ref workload.Ref) bool {
	_, ok := resources[schema.GroupKind{Group: ref.Group, Kind: ref.Kind}]
	return ok
}

// Resource returns where objects of the reference's kind are, which must be known.
func Resource(ref workload.Ref) schema.GroupVersionResource {
	return resources[schema.GroupKind{Group: ref.Group, Kind: ref.Kind}]
}
