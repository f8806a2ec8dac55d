package preflight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Check returns the findings: by category, the worst of each first, then by namespace and name. Only what the move concerns
// counts: namespaces, workloads and gateways that run a proxy of From, or would. A mesh in which all is well gives none.
func Check(f Facts) []v1alpha1.Finding {
	c := &checker{Facts: &f, concerned: concernedNamespaces(&f)}
	for _, check := range []func(){
		c.target, c.trust, c.versionStep, c.configuration, c.scale, c.namespaceLabels, c.workloadLabels, c.gateways, c.envoyFilters,
		c.retries, c.restarts, c.budgets, c.gitOps, c.unchecked,
	} {
		check()
	}
	slices.SortStableFunc(c.findings, order)
	return c.findings
}

// checker gathers findings.
type checker struct {
	*Facts
	// concerned are the namespaces that the move concerns.
	concerned map[string]bool
	findings  []v1alpha1.Finding
}

func (c *checker) add(category v1alpha1.Category, check string, severity v1alpha1.Severity, object v1alpha1.CheckedObject, message, remedy string) {
	c.findings = append(c.findings, v1alpha1.Finding{
		Category: category, Check: check, Severity: severity, Object: object, Message: message, Remedy: remedy,
	})
}

// order sorts findings as they are told.
func order(a, b v1alpha1.Finding) int {
	return cmp.Or(
		cmp.Compare(slices.Index(v1alpha1.Categories(), a.Category), slices.Index(v1alpha1.Categories(), b.Category)),
		cmp.Compare(slices.Index(v1alpha1.Severities(), a.Severity), slices.Index(v1alpha1.Severities(), b.Severity)),
		cmp.Compare(a.Object.Namespace, b.Object.Namespace),
		strings.Compare(a.Object.Kind, b.Object.Kind),
		strings.Compare(a.Object.Name, b.Object.Name),
	)
}

// concerns says whether a workload's pods run a proxy of From, or would.
func (w *Workload) concerns() bool { return w.OnFrom > 0 || w.Follows }

// concernedNamespaces are those whose pods run a proxy of From, or would.
func concernedNamespaces(f *Facts) map[string]bool {
	concerned := map[string]bool{}
	for i := range f.Namespaces {
		n := &f.Namespaces[i]
		if n.OnFrom > 0 || n.Follows == f.From.ControlPlane {
			concerned[n.Name] = true
		}
	}
	for i := range f.Workloads {
		if w := &f.Workloads[i]; w.concerns() {
			concerned[w.Namespace] = true
		}
	}
	for _, g := range f.Gateways {
		if g.Follows {
			concerned[g.Namespace] = true
		}
	}
	return concerned
}

func object(kind, namespace, name string) v1alpha1.CheckedObject {
	return v1alpha1.CheckedObject{Kind: kind, Namespace: namespace, Name: name}
}

func (w *Workload) object() v1alpha1.CheckedObject {
	return object(w.Ref.Kind, w.Namespace, w.Ref.Name)
}

// named is a workload as kubectl takes it: `deployment/cart -n shop`.
func (w *Workload) named() string { return w.Ref.String() + " -n " + w.Namespace }

// unchecked tells what could not be read: that is never passed over.
func (c *checker) unchecked() {
	for _, gap := range c.Gaps {
		c.add(v1alpha1.Unchecked, "unreadable", v1alpha1.Warning, object("", "", gap.Missing),
			"could not be checked: "+gap.Error(), "run this as somebody who may read them; what is allowed shows `kubectl auth can-i --list`")
	}
	if c.Undecided > 0 {
		c.add(v1alpha1.Unchecked, "undecided", v1alpha1.Warning, object("Pod", "", ""),
			"could not be checked: "+counted(c.Undecided, "pod")+" of which cannot be told what injection would do: "+c.Because,
			"see them with `kubectl mesh-proxyver -A --by pod`")
	}
}
