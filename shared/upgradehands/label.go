// Package upgradehands does what the steps of a canary upgrade say on a real cluster.
package upgradehands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// errChanged says that a namespace is not as it was seen.
var errChanged = errors.New("somebody else has changed it meanwhile: run the same command again")

// label gives a namespace the labels that decide about injection, all in one patch, for between two of them its pods would be
// injected by nobody or by another. It changes nothing where they are no longer those that were seen, or the namespace is another one;
// one that is gone is no error.
func label(ctx context.Context, c coreclient.NamespacesGetter, name string, was upgrade.Namespace, labels map[string]string) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := c.Namespaces().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case string(n.UID) != was.UID, n.DeletionTimestamp != nil:
			return nil
		}
		live := upgrade.Labels(n.Labels)
		switch {
		case maps.Equal(live, labels):
			return nil
		case !maps.Equal(live, was.Labels):
			return errChanged
		}
		body, err := labelPatch(n, labels)
		if err != nil {
			return err
		}
		_, err = c.Namespaces().Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: dryrun.FieldManager})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// labelPatch is a merge patch that the server takes only if the namespace is still the one that was read.
func labelPatch(n *corev1.Namespace, labels map[string]string) ([]byte, error) {
	set := map[string]any{}
	for _, key := range []string{upgrade.Rev, upgrade.Injection} {
		if value, is := labels[key]; is {
			set[key] = value
		} else if _, has := n.Labels[key]; has {
			set[key] = nil
		}
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": n.UID, "resourceVersion": n.ResourceVersion, "labels": set}})
	if err != nil {
		return nil, fmt.Errorf("making a patch of namespace %s: %w", n.Name, err)
	}
	return body, nil
}
