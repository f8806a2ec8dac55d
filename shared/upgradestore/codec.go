package upgradestore

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// limit is how many bytes a record may have: a ConfigMap holds a mebibyte, and a record grows by what it notes on the way. Source:
// MaxSecretSize in k8s.io/kubernetes/pkg/apis/core.
const limit = 1000 * 1000

// Encode returns the record as YAML. The error says that it is larger than a ConfigMap can hold.
func Encode(u *v1alpha1.CanaryUpgrade) ([]byte, error) {
	whole(u)
	text, err := yaml.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("writing the record: %w", err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("the record of %d namespaces has %d bytes, and a ConfigMap holds %d: move fewer namespaces at a time", len(u.Namespaces), len(text), limit)
	}
	return text, nil
}

// Decode reads a record, as YAML or JSON. The error says why it is none: it is cut off, was edited, or is of a newer release.
func Decode(text []byte) (*v1alpha1.CanaryUpgrade, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the record is empty")
	}
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", oneLine(err))
	}
	switch {
	case kind.Kind != v1alpha1.CanaryUpgradeKind:
		return nil, fmt.Errorf("the record is of kind %q, not %s", kind.Kind, v1alpha1.CanaryUpgradeKind)
	case kind.APIVersion != v1alpha1.APIVersion:
		return nil, fmt.Errorf("the record is of version %q, and this program reads %s: use the release that has written it", kind.APIVersion, v1alpha1.APIVersion)
	}
	u := &v1alpha1.CanaryUpgrade{}
	if err := yaml.UnmarshalStrict(text, u); err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", oneLine(err))
	}
	if err := validate(u); err != nil {
		return nil, fmt.Errorf("the record was edited: %w", err)
	}
	whole(u)
	return u, nil
}

// whole has lists that are always there be lists where they are empty.
func whole(u *v1alpha1.CanaryUpgrade) {
	if u.Tags == nil {
		u.Tags = []v1alpha1.UpgradeTag{}
	}
	if u.Namespaces == nil {
		u.Namespaces = []v1alpha1.UpgradeNamespace{}
	}
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}

// validate says what of a record no upgrade could have written.
func validate(u *v1alpha1.CanaryUpgrade) error {
	switch {
	case !slices.Contains(v1alpha1.Phases(), u.Phase):
		return fmt.Errorf("there is no phase %q", u.Phase)
	case u.From == "" || u.To == "" || u.IstioNamespace == "":
		return errors.New("from, to or istioNamespace is missing")
	case u.From == u.To:
		return fmt.Errorf("it goes from %s to %s", u.From, u.To)
	}
	seen := map[string]bool{}
	for _, n := range u.Namespaces {
		switch {
		case n.Name == "" || n.UID == "" || n.Before == nil:
			return fmt.Errorf("namespace %q has no name, no uid or nothing before", n.Name)
		case !slices.Contains(v1alpha1.Forms(), n.Form):
			return fmt.Errorf("namespace %s has the form %q", n.Name, n.Form)
		case seen[n.Name]:
			return fmt.Errorf("namespace %s is in it twice", n.Name)
		}
		seen[n.Name] = true
	}
	tags := map[string]bool{}
	for _, t := range u.Tags {
		if t.Name == "" || tags[t.Name] {
			return fmt.Errorf("tag %q has no name, or is in it twice", t.Name)
		}
		tags[t.Name] = true
	}
	for _, r := range u.Replicas {
		if r.Kind == "" || r.Namespace == "" || r.Name == "" || r.Before < 0 || r.Wrote <= r.Before {
			return fmt.Errorf("%s %s/%s went from %d to %d replicas", r.Kind, r.Namespace, r.Name, r.Before, r.Wrote)
		}
	}
	for _, a := range u.Addresses {
		if a.Namespace == "" || a.Service == "" {
			return fmt.Errorf("the addresses of Service %q in namespace %q have no name", a.Service, a.Namespace)
		}
	}
	return nil
}
