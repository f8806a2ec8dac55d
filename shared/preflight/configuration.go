package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// configuration compares the two revisions' settings: what was enabled before must be enabled after.
func (c *checker) configuration() {
	if !c.To.Installed || c.inPlace() {
		return
	}
	c.compare("mesh-config", "meshConfig.", c.From.Mesh, c.To.Mesh)
	c.compare("injector-values", "values.", c.From.Values, c.To.Values)
	c.shared()
}

// compare finds every setting in which two documents differ. prefix is how installation tools write the setting's path.
func (c *checker) compare(check, prefix string, from, to Document) {
	if from.Unread || to.Unread {
		return
	}
	where := object("ConfigMap", c.To.Namespace, to.ConfigMap)
	if from.Exists && !to.Exists {
		c.add(v1alpha1.AboutConfiguration, check, v1alpha1.Warning, where,
			fmt.Sprintf("it does not exist, while revision %s has %s", c.From.Revision, from.ConfigMap), "install "+c.To.Revision+" anew")
		return
	}
	before, err := settingsOf(from)
	if err == nil {
		var after settings
		if after, err = settingsOf(to); err == nil {
			c.differences(check, prefix, where, before, after)
			return
		}
	}
	c.add(v1alpha1.Unchecked, check, v1alpha1.Warning, where, "could not be checked: key "+err.Error(), "compare the two ConfigMaps by hand")
}

func (c *checker) differences(check, prefix string, where v1alpha1.CheckedObject, before, after settings) {
	paths := slices.Collect(maps.Keys(before))
	for path := range after {
		if _, both := before[path]; !both {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		old, was := before[path]
		new, is := after[path]
		if own(path) || was && is && neutral(c.From, old) == neutral(c.To, new) {
			continue
		}
		c.difference(check, prefix, path, where, setting{old, was}, setting{new, is})
	}
}

type setting struct {
	value string
	is    bool
}

func (s setting) String() string {
	if !s.is {
		return "not set"
	}
	return s.value
}

// difference is a warning where something that was set would be lost or changed, and for the record where it is only new.
func (c *checker) difference(check, prefix, path string, where v1alpha1.CheckedObject, before, after setting) {
	severity := v1alpha1.Warning
	remedy := fmt.Sprintf("set it as it was where %s is installed from: --set %s%s=%s; or see that the change is meant", c.To.Revision, prefix, path, quoted(before.value))
	if strings.Contains(path, "[") || strings.HasPrefix(before.value, "[") {
		remedy = fmt.Sprintf("set it as it was where %s is installed from; or see that the change is meant", c.To.Revision)
	}
	if !before.is {
		severity = v1alpha1.Info
		remedy = "see that it is meant: it is new in " + c.To.Revision
	}
	message := fmt.Sprintf("%s is %s, but %s in revision %s", path, short(after.String()), short(before.String()), c.From.Revision)
	c.add(v1alpha1.AboutConfiguration, check, severity, where, message, remedy)
}

// short cuts a long value: it can be found in the ConfigMap.
func short(value string) string {
	const limit = 80
	value = strings.Join(strings.Fields(value), " ")
	if runes := []rune(value); len(runes) > limit {
		return string(runes[:limit]) + "..."
	}
	return value
}

// shared compares the ConfigMaps in which AKS keeps what users set: each revision has its own, and a new one has none until somebody
// copies it. Source: learn.microsoft.com/azure/aks/istio-meshconfig.
func (c *checker) shared() {
	from, to := c.From.Shared, c.To.Shared
	if from.Unread || to.Unread || !from.Exists && !to.Exists {
		return
	}
	where := object("ConfigMap", c.To.Namespace, to.ConfigMap)
	before, errBefore := settingsOf(from)
	after, errAfter := settingsOf(to)
	copied := fmt.Sprintf(`kubectl create configmap %s -n %s --from-literal=mesh="$(kubectl get configmap %s -n %s -o jsonpath='{.data.mesh}')" --dry-run=client -o yaml | kubectl apply -f -`,
		to.ConfigMap, c.To.Namespace, from.ConfigMap, c.From.Namespace)
	switch {
	case !to.Exists:
		c.add(v1alpha1.AboutConfiguration, "shared-config", v1alpha1.Warning, where, "it does not exist, while revision "+c.From.Revision+" has one", copied)
	case !from.Exists:
		c.add(v1alpha1.AboutConfiguration, "shared-config", v1alpha1.Info, where, "revision "+c.From.Revision+" has none", "see that its settings are meant")
	case errBefore != nil || errAfter != nil || !maps.Equal(before, after):
		c.add(v1alpha1.AboutConfiguration, "shared-config", v1alpha1.Warning, where, "it differs from "+from.ConfigMap+": "+strings.Join(differing(before, after), ", "), copied)
	}
}

// differing names the settings in which two documents differ.
func differing(before, after settings) []string {
	var paths []string
	for path, value := range before {
		if other, is := after[path]; !is || other != value {
			paths = append(paths, path)
		}
	}
	for path := range after {
		if _, was := before[path]; !was {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	if len(paths) == 0 {
		return []string{"one of them cannot be parsed"}
	}
	return paths
}

// scale compares how many replicas the two istiods have, and may have.
func (c *checker) scale() {
	from, to := c.From.Deployment, c.To.Deployment
	if !c.To.Installed || c.inPlace() || from == nil || to == nil || !c.knows("horizontalpodautoscalers") {
		return
	}
	old, new := c.From.Autoscaler, c.To.Autoscaler
	where, what := object("Deployment", c.To.Namespace, to.Name), "deployment/"+to.Name+" -n "+c.To.Namespace
	add := func(check, message, remedy string) {
		c.add(v1alpha1.AboutConfiguration, check, v1alpha1.Warning, where, message, remedy)
	}
	switch {
	case old != nil && new == nil:
		add("autoscaler", fmt.Sprintf("it has no HorizontalPodAutoscaler, while revision %s has %s (%d to %d replicas)", c.From.Revision, old.Name, old.Minimum, old.Maximum),
			fmt.Sprintf("kubectl autoscale %s --min=%d --max=%d", what, old.Minimum, old.Maximum))
	case old != nil && (new.Minimum < old.Minimum || new.Maximum < old.Maximum):
		add("autoscaler", fmt.Sprintf("HorizontalPodAutoscaler %s allows %d to %d replicas, that of revision %s %d to %d", new.Name, new.Minimum, new.Maximum, c.From.Revision, old.Minimum, old.Maximum),
			patch("hpa/"+new.Name, c.To.Namespace, fmt.Sprintf(`{"spec":{"minReplicas":%d,"maxReplicas":%d}}`, max(old.Minimum, new.Minimum), max(old.Maximum, new.Maximum))))
	case old == nil && new != nil && new.Minimum < from.Replicas:
		add("autoscaler", fmt.Sprintf("HorizontalPodAutoscaler %s allows %d to %d replicas, while revision %s has %d", new.Name, new.Minimum, new.Maximum, c.From.Revision, from.Replicas),
			patch("hpa/"+new.Name, c.To.Namespace, fmt.Sprintf(`{"spec":{"minReplicas":%d,"maxReplicas":%d}}`, from.Replicas, max(from.Replicas, new.Maximum))))
	case old == nil && new == nil && to.Replicas < from.Replicas && to.Replicas > 0:
		add("replicas", fmt.Sprintf("it has %s, while revision %s has %d", counted(to.Replicas, "replica"), c.From.Revision, from.Replicas),
			fmt.Sprintf("kubectl scale %s --replicas=%d", what, from.Replicas))
	}
}
