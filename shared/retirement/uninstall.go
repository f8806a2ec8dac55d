package retirement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Uninstall returns what is left of a revision of the mesh in Istio's namespace, once the tool it came from has uninstalled it: its
// injector, its validators, tags that point at it and its ConfigMaps, in the order in which they are to be deleted. What bears no label
// of the revision is left out, for it may be the user's own, and so is what does not say which mesh it is of. The error says that the
// revision is not uninstalled, for its istiod is there, or what could not be read.
func Uninstall(c *Configuration, istioNamespace, name string) ([]Object, error) {
	if len(c.Running) > 0 {
		return nil, fmt.Errorf("revision %s is still installed: deployment/%s in namespace %s is there; uninstall it first with the tool it came from, "+
			"such as `istioctl uninstall --revision %s -i %s`", name, strings.Join(c.Running, ", deployment/"), istioNamespace, name, istioNamespace)
	}
	if len(c.Gaps) > 0 {
		return nil, fmt.Errorf("what is left of revision %s cannot be told: %w; see `kubectl auth can-i --list -n %s`", name, c.Gaps[0], istioNamespace)
	}
	var left []Object
	for _, o := range c.Objects {
		if o.of(istioNamespace, name) && (o.Namespace == istioNamespace || o.IstioNamespace == istioNamespace) {
			left = append(left, o)
		}
	}
	slices.SortStableFunc(left, func(a, b Object) int {
		return cmp.Or(cmp.Compare(slices.Index(Resources(), a.Resource), slices.Index(Resources(), b.Resource)), cmp.Compare(a.Name, b.Name))
	})
	return left, nil
}

// Remove deletes exactly those objects, each only if it is still as it was read: a tag that somebody points at another revision
// meanwhile stays. One that is gone is passed over. done is told each that was deleted. The error names each that is still there; the
// others are deleted all the same.
func Remove(ctx context.Context, kube kubernetes.Interface, objects []Object, done func(Object)) error {
	var failures []error
	for _, o := range objects {
		err := remove(ctx, kube, o)
		switch {
		case err == nil:
			done(o)
		case apierrors.IsNotFound(err):
		case apierrors.IsConflict(err):
			failures = append(failures, fmt.Errorf("%s was changed by somebody else meanwhile, and is left as it is: run the same command again", o))
		default:
			failures = append(failures, fmt.Errorf("deleting %s: %w", o, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

func remove(ctx context.Context, kube kubernetes.Interface, o Object) error {
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{
		UID: new(types.UID(o.UID)), ResourceVersion: new(o.ResourceVersion),
	}}
	admission, core := kube.AdmissionregistrationV1(), kube.CoreV1()
	switch o.Resource {
	case MutatingWebhooks:
		return admission.MutatingWebhookConfigurations().Delete(ctx, o.Name, options)
	case ValidatingWebhooks:
		return admission.ValidatingWebhookConfigurations().Delete(ctx, o.Name, options)
	case Services:
		return core.Services(o.Namespace).Delete(ctx, o.Name, options)
	default:
		return core.ConfigMaps(o.Namespace).Delete(ctx, o.Name, options)
	}
}
