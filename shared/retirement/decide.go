package retirement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Need is one reason why a revision may not be removed.
type Need struct {
	Kind v1alpha1.NeedKind
	// Object is what needs it, such as "namespace shop", and Why says how.
	Object, Why string
	// Command is what to type so that it does not any more, or to find out.
	Command string
	// Harmless is true where that is only to be known.
	Harmless bool
}

// String says it in one line.
func (n Need) String() string { return n.Object + " " + n.Why + ": `" + n.Command + "`" }

// Blocks says whether the revision must stay for it. That istiod could not be asked is only to be said: what the cluster's own objects
// tell is all that needs the revision, but for proxies outside of the cluster.
func (n Need) Blocks() bool { return n.Kind != v1alpha1.NeedUnasked && !n.Harmless }

// placeholder stands for a revision that is not known. As it is no value of a label, and no word to a shell, typing it changes nothing.
const placeholder = "<REVISION>"

// Decide returns what needs the revision, none where it is safe to remove.
func Decide(f *Facts) []Need {
	d := decision{f: f, next: cmp.Or(f.Next, placeholder)}
	d.unchecked()
	d.namesakes()
	d.tags()
	d.namespaces()
	// A template that leads to the revision is mended before its pods are replaced, or they would come back to it.
	d.templates()
	d.workloads()
	d.gateways()
	d.connected()
	return d.needs
}

type decision struct {
	f *Facts
	// next is the revision that commands name.
	next  string
	needs []Need
}

func (d *decision) add(kind v1alpha1.NeedKind, object, why, command string) {
	d.needs = append(d.needs, Need{Kind: kind, Object: object, Why: why, Command: command})
}

func (d *decision) unchecked() {
	for _, g := range d.f.Gaps {
		d.add(v1alpha1.NeedUnchecked, g.Missing, fmt.Sprintf("could not be checked: %v", g.Err), "kubectl auth can-i --list")
	}
}

// namesakes are in danger because istioctl removes by the label istio.io/rev alone, whatever namespace it is told. Other tools do not.
// Source: GetPrunedResources in istio.io/istio/operator/pkg/uninstall.
func (d *decision) namesakes() {
	for _, namespace := range d.f.Namesakes {
		d.needs = append(d.needs, Need{
			Kind: v1alpha1.NeedNamesake, Object: "the mesh in namespace " + namespace, Harmless: !d.f.Istioctl,
			Why:     "has a revision of the same name, which `istioctl uninstall --revision " + d.f.Revision + "` removes as well; uninstall with the tool of one mesh",
			Command: "helm list -n " + d.f.IstioNamespace,
		})
	}
}

// aksKept tells of a gateway of the add-on's own, which goes with the revision.
func (d *decision) aksKept(kind v1alpha1.NeedKind, namespace, name string) {
	d.needs = append(d.needs, Need{
		Kind: kind, Object: objectOf(namespace, name), Harmless: true,
		Why: "is the gateway that AKS has made for the revision, and removes with it", Command: fmt.Sprintf("kubectl get %s -n %s", name, namespace),
	})
}

func (d *decision) tags() {
	for _, t := range d.f.Tags {
		d.add(v1alpha1.NeedTag, "tag "+t.Name, "points at it ("+strings.Join(t.Objects, ", ")+")", d.moveTag(t.Name))
	}
	if d.f.Validator != "" {
		d.add(v1alpha1.NeedValidator, "ValidatingWebhookConfiguration "+d.f.Validator,
			"has it validate the configuration of the mesh", d.moveTag(revision.Default))
	}
}

func (d *decision) moveTag(name string) string {
	if d.f.Ending != "" {
		return d.f.Ending
	}
	return "kubectl mesh-canary tag set " + name + " --revision " + d.next
}

func (d *decision) namespaces() {
	for _, n := range d.f.Namespaces {
		d.add(v1alpha1.NeedNamespace, "namespace "+n.Name, "follows it by "+by(n.Follows), d.moveNamespace(n))
	}
}

func by(f upgrade.Follows) string {
	switch f.Form {
	case v1alpha1.ByTag:
		return "its label " + revision.LabelText(upgrade.Rev, f.Tag) + ", a tag"
	case v1alpha1.ByRevision:
		return "its label " + revision.LabelText(upgrade.Rev, f.Revision)
	case v1alpha1.ByDefaultTag:
		return "its label istio-injection=enabled, through tag " + f.Tag
	default:
		return "its label istio-injection=enabled"
	}
}

func (d *decision) moveNamespace(n Namespace) string {
	if d.f.Ending != "" {
		return d.f.Ending
	}
	switch n.Follows.Form {
	case v1alpha1.ByTag, v1alpha1.ByDefaultTag:
		return d.moveTag(n.Follows.Tag)
	case v1alpha1.ByRevision:
		return fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite", n.Name, upgrade.Rev, d.next)
	default:
		return fmt.Sprintf("kubectl label namespace %s %s- %s=%s", n.Name, upgrade.Injection, upgrade.Rev, d.next)
	}
}

func (d *decision) workloads() {
	for _, w := range d.f.Workloads {
		if d.f.aksKeeps(w.Namespace, w.Ref) {
			d.aksKept(v1alpha1.NeedWorkload, w.Namespace, w.Ref.String())
			continue
		}
		why := fmt.Sprintf("has %d pods that run its proxies", w.Pods)
		switch {
		case w.Ref.Kind == "Pod":
			why = "runs its proxy"
		case w.Pods == 1:
			why = "has a pod that runs its proxy"
		}
		d.add(v1alpha1.NeedWorkload, objectOf(w.Namespace, w.Ref.String()), why, d.replace(w))
	}
}

func objectOf(namespace, name string) string { return name + " in namespace " + namespace }

// replace is how pods come to new proxies. Jobs run to their end.
func (d *decision) replace(w Workload) string {
	switch {
	case w.Ref.Kind == "Job":
		return fmt.Sprintf("kubectl wait --for=condition=complete %s -n %s --timeout=-1s", w.Ref, w.Namespace)
	case d.f.Ending != "":
		return d.f.Ending
	case w.Ref.Kind == "Pod":
		return fmt.Sprintf("kubectl mesh-reinject %s -n %s --bare-pods=recreate", w.Ref, w.Namespace)
	default:
		return fmt.Sprintf("kubectl mesh-reinject %s -n %s", w.Ref, w.Namespace)
	}
}

func (d *decision) gateways() {
	for _, m := range d.f.Managed {
		command := fmt.Sprintf("kubectl get deployment %s -n %s -o yaml", m.Deployment, m.Namespace)
		switch {
		case d.f.Ending != "":
			command = d.f.Ending
		case m.Gateway != "":
			command = d.moveGateway(m.Namespace, m.Gateway)
		}
		d.add(v1alpha1.NeedManagedGateway, objectOf(m.Namespace, "gateway deployment/"+m.Deployment), "is kept by its istiod", command)
	}
	for _, g := range d.f.Gateways {
		why, command := "names it by its own label "+revision.LabelText(upgrade.Rev, g.Value), d.moveGateway(g.Namespace, g.Name)
		if g.Tag {
			why, command = why+", a tag", d.moveTag(g.Value)
		}
		d.add(v1alpha1.NeedGateway, objectOf(g.Namespace, "Gateway "+g.Name), why, command)
	}
}

// moveGateway names the kind in full: Istio has a Gateway of its own, which takes precedence in kubectl.
func (d *decision) moveGateway(namespace, name string) string {
	return fmt.Sprintf("kubectl label gateways.gateway.networking.k8s.io %s -n %s %s=%s --overwrite", name, namespace, upgrade.Rev, d.next)
}

func (d *decision) templates() {
	for _, t := range d.f.Templates {
		if d.f.aksKeeps(t.Namespace, t.Ref) {
			continue
		}
		d.add(v1alpha1.NeedTemplate, objectOf(t.Namespace, t.Ref.String()), "would have its next pods injected by it ("+t.Reason+")", d.moveTemplate(t))
	}
}

// moveTemplate is how a template's next pods come to another revision. A Job's template cannot be changed.
func (d *decision) moveTemplate(t Template) string {
	switch {
	case t.Own && t.Tag != "":
		return d.moveTag(t.Tag)
	case !t.Own:
		at, found := slices.BinarySearchFunc(d.f.Namespaces, t.Namespace, func(n Namespace, name string) int { return cmp.Compare(n.Name, name) })
		if found {
			return d.moveNamespace(d.f.Namespaces[at])
		}
		return fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite", t.Namespace, upgrade.Rev, d.next)
	case t.Ref.Kind == "Job":
		return fmt.Sprintf("kubectl delete %s -n %s", t.Ref, t.Namespace)
	}
	patch := fmt.Sprintf(`{"template":{"metadata":{"labels":{%q:%q}}}}`, upgrade.Rev, d.next)
	if t.Ref.Kind == "CronJob" {
		patch = `{"jobTemplate":{"spec":` + patch + `}}`
	}
	return fmt.Sprintf(`kubectl patch %s -n %s --type=merge -p '{"spec":%s}'`, t.Ref, t.Namespace, patch)
}

func (d *decision) connected() {
	c, istiod := d.f.Connected, objectOf(d.f.IstioNamespace, "the istiod of revision "+d.f.Revision)
	ask := fmt.Sprintf("istioctl proxy-status --revision %s -i %s", d.f.Revision, d.f.IstioNamespace)
	if c.Proxies > 0 {
		some := strings.Join(c.Some, ", ")
		if more := c.Proxies - len(c.Some); more > 0 {
			some = fmt.Sprintf("%s and %d more", some, more)
		}
		d.add(v1alpha1.NeedConnected, istiod, fmt.Sprintf("has %d proxies connected to it (%s)", c.Proxies, some), ask)
	}
	if c.Unasked != "" {
		d.add(v1alpha1.NeedUnasked, istiod, "could not be asked which proxies are connected to it: "+c.Unasked, ask)
	}
}
