package revision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNone is the error about a cluster without an injector: Istio is not there, or another cluster was meant.
var ErrNone = errors.New("no Istio found: no mutating webhook's name ends in " + InjectorSuffix + "; is this the right cluster? " +
	"See `kubectl config current-context` and `kubectl get mutatingwebhookconfigurations`")

// NotThere is the error about a namespace that the user says Istio is in, where no injector's control plane is; elsewhere are the
// namespaces in which there are some, in any order. It is ErrNone where the user has said nothing.
func NotThere(istioNamespace string, elsewhere []string) error {
	if istioNamespace == "" {
		return ErrNone
	}
	known := slices.DeleteFunc(slices.Sorted(slices.Values(elsewhere)), func(namespace string) bool { return namespace == "" })
	where := ", nor in any other namespace"
	if len(known) > 0 {
		where = "; there are some in " + strings.Join(slices.Compact(known), ", ")
	}
	return fmt.Errorf("--istio-namespace %s: no injector's control plane is there%s", istioNamespace, where)
}

// InstalledIn returns those of Installed that belong to the mesh whose Istio is in the namespace, empty for any: one that is called by URL
// may be anywhere. The error says that there are none.
func InstalledIn(istioNamespace string, injectors []Injector) ([]ControlPlane, error) {
	owners := slices.DeleteFunc(Installed(injectors), func(c ControlPlane) bool {
		return istioNamespace != "" && c.Namespace != istioNamespace && c.Namespace != ""
	})
	if len(owners) == 0 {
		return nil, notInstalled(istioNamespace, injectors)
	}
	return owners, nil
}

// notInstalled is the error about a mesh without a revision, by the injectors of the cluster; istioNamespace is where its Istio is, empty
// for any. Where tags are left, that is said: those are injectors too.
func notInstalled(istioNamespace string, injectors []Injector) error {
	var elsewhere []string
	in := ""
	if istioNamespace != "" {
		in = " in namespace " + istioNamespace
	}
	for _, i := range injectors {
		if istioNamespace == "" || i.Owner.Namespace == istioNamespace {
			return fmt.Errorf("no revision is installed%s, though tags are left: see `kubectl mesh-canary tag list`", in)
		}
		elsewhere = append(elsewhere, i.Owner.Namespace)
	}
	return NotThere(istioNamespace, elsewhere)
}
