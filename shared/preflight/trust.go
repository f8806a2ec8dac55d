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
	c.sameCertificates("ca-bundle", "the certificates by which the API server knows the two istiods", c.From.CABundle, c.To.CABundle)
	if c.From.Namespace != c.To.Namespace {
		c.sameCertificates("root-certificate", "the root certificates in ConfigMap istio-ca-root-cert of the two Istio namespaces", c.From.Root, c.To.Root)
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

// sameCertificates finds two bundles that share no certificate. Where one is to be had of neither, or could not be read, nothing can
// be compared.
func (c *checker) sameCertificates(check, what, from, to string) {
	old, new := certificates(from), certificates(to)
	revision := object("Revision", c.To.Namespace, c.To.Revision)
	switch {
	case len(old) == 0 && len(new) == 0:
	case len(old) == 0 || len(new) == 0:
		of := c.To.Revision
		if len(old) == 0 {
			of = c.From.Revision
		}
		c.add(v1alpha1.Unchecked, check, v1alpha1.Warning, revision,
			fmt.Sprintf("could not be checked: whether %s are the same: those of revision %s are missing", what, of),
			"compare the roots of both with `istioctl proxy-config secret`")
	case !share(old, new):
		c.add(v1alpha1.AboutControlPlane, check, v1alpha1.Blocking, revision,
			what+" have none in common: proxies of the two revisions would not trust each other",
			fmt.Sprintf("give both the same CA: the secret cacerts in namespace %s, then restart istiod", c.To.Namespace))
	}
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
