// Package upgradestore keeps the record of a canary upgrade in the cluster, so that any machine can go on with it.
package upgradestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Name is that of the ConfigMap that holds the record, in Istio's namespace, and of the Lease beside it.
const Name = "kubectl-mesh-canary"

// key is under which the ConfigMap holds the record.
const key = "upgrade.yaml"

// Store is the record in one Istio's namespace. It is not for use by several goroutines at once.
type Store struct {
	configMaps coreclient.ConfigMapsGetter
	namespace  string
	// held is the ConfigMap as it was read or written last, nil where there was none.
	held *corev1.ConfigMap
}

// New returns the store in a namespace.
func New(c coreclient.ConfigMapsGetter, namespace string) *Store {
	return &Store{configMaps: c, namespace: namespace}
}

// where names the ConfigMap in messages.
func (s *Store) where() string { return fmt.Sprintf("ConfigMap %s in namespace %s", Name, s.namespace) }

// Load returns the upgrade that is recorded, nil where none is. An error says what is the matter with the record: it is never
// passed over or repaired, for what it says of the cluster would be lost.
func (s *Store) Load(ctx context.Context) (*v1alpha1.CanaryUpgrade, error) {
	found, err := s.configMaps.ConfigMaps(s.namespace).Get(ctx, Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		s.held = nil
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", s.where(), err)
	}
	u, err := Decode([]byte(found.Data[key]))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; give back what `kubectl mesh-canary status -o yaml` has printed, with `kubectl mesh-canary status "+
			"--restore FILE`", s.where(), err)
	}
	if u.IstioNamespace != s.namespace {
		return nil, fmt.Errorf("%s is the record of an upgrade in namespace %s", s.where(), u.IstioNamespace)
	}
	s.held = found
	return u, nil
}

// Save writes the record as what follows on the one that was read or written last. ErrOvertaken says that somebody else has written
// it meanwhile.
func (s *Store) Save(ctx context.Context, u *v1alpha1.CanaryUpgrade) error {
	u.APIVersion, u.Kind, u.ChangedAt = v1alpha1.APIVersion, v1alpha1.CanaryUpgradeKind, metav1.NewTime(time.Now().UTC().Truncate(time.Second))
	text, err := Encode(u)
	if err != nil {
		return err
	}
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: Name}}
	write := func() (*corev1.ConfigMap, error) {
		return s.configMaps.ConfigMaps(s.namespace).Create(ctx, c, metav1.CreateOptions{})
	}
	if s.held != nil {
		c = s.held.DeepCopy()
		write = func() (*corev1.ConfigMap, error) {
			return s.configMaps.ConfigMaps(s.namespace).Update(ctx, c, metav1.UpdateOptions{})
		}
	}
	c.Data = map[string]string{key: string(text)}
	written, err := write()
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), s.held != nil && apierrors.IsNotFound(err):
		return fmt.Errorf("%s: %w: %w", s.where(), ErrOvertaken, err)
	case err != nil:
		return fmt.Errorf("writing %s: %w", s.where(), err)
	}
	s.held = written
	return nil
}

// Begin is Save, and fails before it writes where the record might outgrow a ConfigMap on the way.
func (s *Store) Begin(ctx context.Context, u *v1alpha1.CanaryUpgrade) error {
	if _, err := Encode(upgrade.Grown(u)); err != nil {
		return err
	}
	return s.Save(ctx, u)
}

// ErrOvertaken is what Save fails with where the record is no longer the one that was read.
var ErrOvertaken = errors.New("somebody else has changed it meanwhile; run the same command again")

// Replace writes a record whatever there is, readable or not.
func (s *Store) Replace(ctx context.Context, u *v1alpha1.CanaryUpgrade) error {
	found, err := s.configMaps.ConfigMaps(s.namespace).Get(ctx, Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		found = nil
	case err != nil:
		return fmt.Errorf("reading %s: %w", s.where(), err)
	}
	s.held = found
	return s.Save(ctx, u)
}
