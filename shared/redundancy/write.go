package redundancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Save writes the record of an upgrade.
type Save func(ctx context.Context, u *v1alpha1.CanaryUpgrade) error

// Raise notes in the record what is to be raised, saves it, and then raises each. Where somebody is faster, theirs stays and the error
// says so; the others are raised all the same.
func Raise(ctx context.Context, kube kubernetes.Interface, u *v1alpha1.CanaryUpgrade, raise []v1alpha1.UpgradeReplicas, save Save) error {
	noted := false
	for _, r := range raise {
		if !slices.ContainsFunc(u.Replicas, func(known v1alpha1.UpgradeReplicas) bool { return same(known, r) }) {
			u.Replicas, noted = append(u.Replicas, r), true
		}
	}
	if noted {
		if err := save(ctx, u); err != nil {
			return err
		}
	}
	var failures []error
	for _, r := range raise {
		if err := raiseOne(ctx, kube, r); err != nil {
			failures = append(failures, fmt.Errorf("raising %s to %d replicas: %w", object(r), r.Wrote, err))
		}
	}
	return errors.Join(failures...)
}

func raiseOne(ctx context.Context, kube kubernetes.Interface, r v1alpha1.UpgradeReplicas) error {
	var overtaken error
	err := set(ctx, kube, r, func(live int32) (int32, bool) {
		overtaken = nil
		if live != r.Before && live < r.Wrote {
			overtaken = fmt.Errorf("somebody else has set it to %d meanwhile: `%s`", live, scale(r))
		}
		return r.Wrote, live == r.Before
	})
	return errors.Join(err, overtaken)
}

// PutBack puts back what was raised, takes it out of the record and saves that. What somebody else has changed is left as it is and
// returned; what is gone is passed over. What failed stays in the record, and is in the error.
func PutBack(ctx context.Context, kube kubernetes.Interface, u *v1alpha1.CanaryUpgrade, save Save) ([]upgrade.Kept, error) {
	var kept []upgrade.Kept
	var failures []error
	var left []v1alpha1.UpgradeReplicas
	for _, r := range u.Replicas {
		var other *upgrade.Kept
		err := set(ctx, kube, r, func(live int32) (int32, bool) {
			var putBack bool
			putBack, other = Back(r, live)
			return r.Before, putBack
		})
		switch {
		case err != nil:
			left, failures = append(left, r), append(failures, fmt.Errorf("putting %s back to %d replicas: %w", object(r), r.Before, err))
		case other != nil:
			kept = append(kept, *other)
		}
	}
	if len(left) == len(u.Replicas) {
		return kept, errors.Join(failures...)
	}
	u.Replicas = left
	return kept, errors.Join(append(failures, save(ctx, u))...)
}

// errBusy says that a number could not be written.
var errBusy = errors.New("somebody else changes it all the time: run the same command again")

// attempts is how often a number is written that somebody else changes at the same time.
const attempts = 5

// number is where an object says how many replicas there are.
type number struct {
	live int32
	// body is the patch that writes another, if the object is still as it was read, and kind what kind of patch.
	body func(to int32) any
	kind types.PatchType
}

// set reads a number, and writes what change makes of it, if anything. Where the object is changed in between, both are done again. One
// that is gone is no error.
func set(ctx context.Context, kube kubernetes.Interface, r v1alpha1.UpgradeReplicas, change func(live int32) (to int32, write bool)) error {
	for range attempts {
		n, err := get(ctx, kube, r)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		to, write := change(n.live)
		if !write {
			return nil
		}
		body, err := json.Marshal(n.body(to))
		if err != nil {
			return fmt.Errorf("making a patch: %w", err)
		}
		err = send(ctx, kube, r, n.kind, body)
		// A JSON patch whose test is false is invalid; a merge patch is only for a reason of its own.
		if !apierrors.IsConflict(err) && !(apierrors.IsInvalid(err) && n.kind == types.JSONPatchType) {
			return ignoreGone(err)
		}
	}
	return errBusy
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// operation is one of a JSON patch. Source: RFC 6902.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// get reads the number of an object. An HPA has no generation, so that its patch holds the version that was read.
func get(ctx context.Context, kube kubernetes.Interface, r v1alpha1.UpgradeReplicas) (number, error) {
	if r.Kind == autoscalerKind {
		h, err := kube.AutoscalingV2().HorizontalPodAutoscalers(r.Namespace).Get(ctx, r.Name, metav1.GetOptions{})
		if err != nil {
			return number{}, err
		}
		return number{minimum(h), func(to int32) any {
			return map[string]any{
				"metadata": map[string]any{"uid": h.UID, "resourceVersion": h.ResourceVersion}, "spec": map[string]any{"minReplicas": to},
			}
		}, types.MergePatchType}, nil
	}
	d, err := kube.AppsV1().Deployments(r.Namespace).Get(ctx, r.Name, metav1.GetOptions{})
	if err != nil {
		return number{}, err
	}
	return number{replicas(d), func(to int32) any {
		return []operation{
			{"test", "/metadata/generation", d.Generation}, {"test", "/metadata/uid", d.UID}, {"replace", "/spec/replicas", to},
		}
	}, types.JSONPatchType}, nil
}

func send(ctx context.Context, kube kubernetes.Interface, r v1alpha1.UpgradeReplicas, kind types.PatchType, body []byte) error {
	options := metav1.PatchOptions{FieldManager: dryrun.FieldManager}
	var err error
	if r.Kind == autoscalerKind {
		_, err = kube.AutoscalingV2().HorizontalPodAutoscalers(r.Namespace).Patch(ctx, r.Name, kind, body, options)
	} else {
		_, err = kube.AppsV1().Deployments(r.Namespace).Patch(ctx, r.Name, kind, body, options)
	}
	return err
}
