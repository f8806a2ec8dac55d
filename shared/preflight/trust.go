package preflight

import (
	"cmp"
	"encoding/pem"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// defaultTrustDomain is that of a mesh configuration that names none. Source: DefaultMeshConfig in istio.io/istio/pkg/config/mesh.
const defaultTrustDomain = "cluster.local"

// trust checks that the proxies of both revisions will trust one another.
func (c *checker) trust() {
	if !c.To.Installed || c.inPlace() {
		return
	}
	from, okFrom := trustDomain(c.From)
	to, okTo := trustDomain(c.To)
	if okFrom && okTo && from != to {
		c.add(v1alpha1.AboutControlPlane, "trust-domain", v1alpha1.Blocking, object("ConfigMap", c.To.Namespace, c.To.Mesh.ConfigMap),
			fmt.Sprintf("trust domain %s, but %s in revision %s: identities would change", to, from, c.From.Revision),
			fmt.Sprintf("install %s with meshConfig.trustDomain=%s", c.To.Revision, from))
	}
	c.roots()
}

// roots compares what the proxies of both trust. An istiod writes its own into a ConfigMap of every namespace that its discovery
// selectors choose: two that differ show two roots, but where both istiods choose a namespace, one writes over the other. Beside that
// there are the certificates by which the API server knows the two: where they are alike the roots are, for istiod signs its own
// certificate with them; where they are not, somebody else may have signed it. Where a webhook has none, everybody may have. Sources:
// NewNamespaceController and initDNSCertsIstiod in istio.io/istio/pilot/pkg.
func (c *checker) roots() {
	old, new := certificates(c.From.Root), certificates(c.To.Root)
	known := c.From.Namespace != c.To.Namespace && len(old) > 0 && len(new) > 0
	oldServing, newServing := certificates(c.From.CABundle), certificates(c.To.CABundle)
	to := object("Revision", c.To.Namespace, c.To.Revision)
	const compare = "see by which CA each istiod signs: the secret cacerts or istio-ca-secret of its namespace, or what its CA_ADDR names"
	switch {
	case known && !share(old, new):
		c.add(v1alpha1.AboutControlPlane, "root-certificate", v1alpha1.Blocking, to,
			"the root certificates in ConfigMap "+rootConfigMap+" of the two Istio namespaces have none in common: proxies of the two revisions would not trust each other",
			fmt.Sprintf("give both the same CA: the secret cacerts in namespace %s, then restart istiod", c.To.Namespace))
	case share(oldServing, newServing), len(oldServing) == 0 && len(newServing) == 0:
	case len(oldServing) == 0 || len(newServing) == 0:
		if known {
			return
		}
		c.add(v1alpha1.Unchecked, "root-certificate", v1alpha1.Warning, to,
			"could not be checked: whether proxies of the two revisions have the same root certificates: neither they nor the certificates of both istiods are to be seen", compare)
	default:
		c.add(v1alpha1.AboutControlPlane, "ca-bundle", v1alpha1.Warning, to,
			"the API server knows the two istiods by different certificates: unless somebody else than istiod's CA signs for one, proxies of the two revisions would not trust each other", compare)
	}
}

// trustDomain returns what the mesh configuration says, false where it cannot be read.
func trustDomain(p Plane) (string, bool) {
	own, err := settingsOf(p.Mesh)
	shared, sharedErr := settingsOf(p.Shared)
	if p.Mesh.Unread || p.Shared.Unread || err != nil || sharedErr != nil {
		return "", false
	}
	return cmp.Or(own["trustDomain"], shared["trustDomain"], defaultTrustDomain), true
}

// certificates returns those of a PEM bundle, each as its bytes.
func certificates(bundle string) map[string]bool {
	found := map[string]bool{}
	for rest := []byte(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		found[string(block.Bytes)] = true
	}
}

func share(a, b map[string]bool) bool {
	for certificate := range a {
		if b[certificate] {
			return true
		}
	}
	return false
}
