package istio

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const authority = "istio-ca-secret"

// ShareTrust gives the revision's namespace the certificate authority of another mesh of the cluster, if there is one:
// istiods of different authorities would overwrite each other's root certificate in every namespace, hundreds of
// times a second, for as long as they run. The error says which Secret could not be read or written.
func (id ID) ShareTrust(ctx context.Context, client kubernetes.Interface) error {
	found, err := client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + authority})
	if err != nil {
		return fmt.Errorf("looking for another mesh's certificate authority: %w", err)
	}
	for _, s := range found.Items {
		if s.Namespace == id.Namespace {
			return nil
		}
	}
	if len(found.Items) == 0 {
		return nil
	}
	shared := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: authority, Namespace: id.Namespace, Labels: found.Items[0].Labels},
		Type:       found.Items[0].Type,
		Data:       found.Items[0].Data,
	}
	_, err = client.CoreV1().Secrets(id.Namespace).Create(ctx, shared, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("sharing a certificate authority with %s: %w", id.Namespace, err)
	}
	return nil
}
