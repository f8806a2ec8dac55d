package preflight

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

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

// roots compares what the proxies of both trust. Each istiod writes its root into a ConfigMap of every namespace that its discovery
// selectors allow, over what the other has written: where those of the two Istio namespaces differ the CAs do, where they are alike one
// istiod may have written both. Then all there is are the certificates by which the API server knows the two: where they are alike the
// roots are, for istiod signs its own certificate with them; where they are not, somebody else may have signed it. A webhook that is
// called by URL needs none, which says nothing about the roots. Sources: NewNamespaceController and initDNSCertsIstiod in
// istio.io/istio/pilot/pkg.
func (c *checker) roots() {
	old, new := certificates(c.From.Root), certificates(c.To.Root)
	known := c.From.Namespace != c.To.Namespace && len(old) > 0 && len(new) > 0
	oldServing, newServing := certificates(c.From.CABundle), certificates(c.To.CABundle)
	to := object("Revision", c.To.Namespace, c.To.Revision)
	switch {
	case known && !share(old, new):
		c.add(v1alpha1.AboutControlPlane, "root-certificate", v1alpha1.Blocking, to,
			"the root certificates in ConfigMap "+rootConfigMap+" of the two Istio namespaces have none in common: proxies of the two revisions would not trust each other",
			fmt.Sprintf("give both the same CA: the secret cacerts in namespace %s, then restart istiod", c.To.Namespace))
	case share(oldServing, newServing) || len(oldServing) == 0 && len(newServing) == 0:
	case len(oldServing) == 0 || len(newServing) == 0:
		c.add(v1alpha1.Unchecked, "root-certificate", v1alpha1.Warning, to,
			"could not be checked: whether proxies of the two revisions have the same root certificates: the API server knows only one of the two istiods by a certificate", c.compareRoots())
	default:
		c.add(v1alpha1.AboutControlPlane, "ca-bundle", v1alpha1.Warning, to,
			"the API server knows the two istiods by different certificates: unless somebody else than istiod's CA signs for one, proxies of the two revisions would not trust each other", c.compareRoots())
	}
}

// rootsOf prints the root of each CA that istiod may sign with in a namespace, and none of the keys. Sources: detectSigningCABundle
// in istio.io/istio/pilot/pkg/bootstrap, NewSelfSignedIstioCAOptions in istio.io/istio/security/pkg/pki/ca: cacerts comes first, and has it
// under one of two names; istio-ca-secret is its own root.
const rootsOf = `kubectl get secrets cacerts istio-ca-secret -n %s --ignore-not-found -o jsonpath='{range .items[*]}{.metadata.name} {.data.root-cert\.pem} {.data.ca\.crt} {.data.ca-cert\.pem}{"\n"}{end}'`

// compareRoots is how to see what could not be: before any pod runs a proxy of the target.
func (c *checker) compareRoots() string {
	var commands []string
	for _, p := range []Plane{c.From, c.To} {
		if command := fmt.Sprintf(rootsOf, p.Namespace); p.Namespace != "" && !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		return "compare the root certificates of the two CAs where the control planes run"
	}
	return "compare the root certificates of the two CAs (in cacerts root-cert.pem or ca.crt; without that secret ca-cert.pem in istio-ca-secret): " + strings.Join(commands, "; ")
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
