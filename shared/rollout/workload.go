package rollout

import (
	"strconv"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Strategy is how a workload's controller replaces pods when the template changes.
type Strategy string

// The strategies of the kinds that are known.
const (
	// Rolling: a few at a time.
	Rolling Strategy = "RollingUpdate"
	// Recreate: all are taken down before new ones are made.
	Recreate Strategy = "Recreate"
	// OnDelete: only once somebody deletes them.
	OnDelete Strategy = "OnDelete"
	// Fixed: the template's changes reach no pod, as with a ReplicaSet or a ReplicationController.
	Fixed Strategy = "Fixed"
	// ByRestartAt: an Argo Rollout restarts pods that are older than a point in time.
	ByRestartAt Strategy = "RestartAt"
)

// Annotations by which a workload, or its HPA, remembers what a restart has changed and has to be put back, or has to be
// known the next time. They stand outside the pod template, so that they restart nothing.
const (
	// RestoreReplicas is on a Deployment that runs at more replicas than its owner wants, and holds the number to put back.
	RestoreReplicas = "mesh.kubectl.dev/restore-replicas"
	// RestoreMinReplicas is its like on an HPA, for spec.minReplicas.
	RestoreMinReplicas = "mesh.kubectl.dev/restore-min-replicas"
	// OwnGracePeriod holds the terminationGracePeriodSeconds that the owner has set, SetGracePeriod what was set in its place.
	OwnGracePeriod = "mesh.kubectl.dev/own-termination-grace-period-seconds"
	SetGracePeriod = "mesh.kubectl.dev/set-termination-grace-period-seconds"
	// SurgedLabel marks a Deployment or an HPA that was changed so, so that it can be listed.
	SurgedLabel = "mesh.kubectl.dev/surged"
)

// RestartedAt is the annotation of a pod template that `kubectl rollout restart` sets. Source: defaultObjectRestarter in
// k8s.io/kubectl/pkg/polymorphichelpers.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

// Workload is one workload of any kind.
type Workload struct {
	Namespace string
	Ref       workload.Ref
	UID       types.UID
	// ResourceVersion is that of the object when it was read.
	ResourceVersion string
	Labels          map[string]string
	Annotations     map[string]string
	// Deleting is true once it has been asked to go.
	Deleting bool

	// Generation counts the changes of the spec, Observed is the one that the controller's status speaks of.
	Generation, Observed int64
	Strategy             Strategy
	// Paused is true for a Deployment whose owner has halted its rollout.
	Paused bool
	// Replicas are the pods that there should be; of a DaemonSet, those that its controller says.
	Replicas int
	// MaxUnavailable and MaxSurge are the pods that may be missing, or too many, during a rollout. MaxUnavailableOfTwo is
	// the former if there were two replicas.
	MaxUnavailable, MaxSurge, MaxUnavailableOfTwo int
	// Partition is the ordinal below which a StatefulSet's pods are not replaced, FirstOrdinal where they begin.
	Partition, FirstOrdinal int

	// GracePeriod is the template's terminationGracePeriodSeconds, TemplateKey tells the template from others but for that.
	GracePeriod int64
	TemplateKey string
	// TemplateAnnotated says whether the template has annotations at all.
	TemplateAnnotated bool
	// HandInjected is true where a proxy was injected into the template itself.
	HandInjected bool
	// Managed is true for what istiod makes of a Gateway.
	Managed bool
	// Gateway is the name of that Gateway.
	Gateway string
	// Claims are the PersistentVolumeClaims that the template mounts.
	Claims []string

	Status Status
	// Object is what was read: a typed object, for a Rollout an unstructured one.
	Object runtime.Object
}

// Status is what a workload's controller says.
type Status struct {
	// Replicas are the pods that there are, Updated those of the newest template, Available those that have been ready for
	// long enough.
	Replicas, Updated, Available int
	// TemplateRevision names the newest template: for a Deployment the number of the revision, for a StatefulSet the
	// ControllerRevision. Empty where the kind does not say.
	TemplateRevision string
	// Settled is false while a StatefulSet still counts pods of an older template among its own.
	Settled bool
	// Stalled is the message of a Deployment that has exceeded its progress deadline, CreateFailure that of one whose pods
	// cannot be created. Empty where all is well.
	Stalled, CreateFailure string
	// RestartAt and RestartedAt are an Argo Rollout's wish, and what has been done, as RFC 3339.
	RestartAt, RestartedAt string
}

// Surged says whether a restart has given the Deployment more replicas than its owner wants, and how many these are. The label
// decides: annotations are copied to ReplicaSets, and come back with `kubectl rollout undo`. A Deployment is surged only from one.
func (w *Workload) Surged() (own int, is bool) {
	if _, marked := w.Labels[SurgedLabel]; !marked || w.Ref.Kind != "Deployment" {
		return 0, false
	}
	if n, err := strconv.Atoi(w.Annotations[RestoreReplicas]); err == nil && n >= 0 {
		return n, true
	}
	return 1, true
}

// Observes says whether the controller has seen the newest spec.
func (w *Workload) Observes() bool { return w.Observed >= w.Generation }

// Unavailable is how many pods may be unavailable at once while the workload's own controller replaces them.
func (w *Workload) Unavailable() int {
	if w.Strategy == Recreate {
		return w.Replicas
	}
	return min(w.MaxUnavailable, w.Replicas)
}
