package preflight

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// longestExpression is how long an expression may be that istiod still compiles. Source: maxProxyVersionLen in
// istio.io/istio/pilot/pkg/model.
const longestExpression = 1024

// envoyFilters finds those that match the proxies of only one of the two versions.
func (c *checker) envoyFilters() {
	from, to := c.versions()
	if !c.To.Installed || from == to && from != "" {
		return
	}
	for i := range c.EnvoyFilters {
		e := &c.EnvoyFilters[i]
		if e.Namespace != c.RootNamespace && !c.concerned[e.Namespace] {
			continue
		}
		where := object("EnvoyFilter", e.Namespace, e.Name)
		if from == "" || to == "" {
			c.add(v1alpha1.Unchecked, "proxy-version", v1alpha1.Warning, where,
				"could not be checked: whether its proxyVersion matches before and after, for the versions are not known", "compare its proxyVersion with both versions by hand")
			continue
		}
		for _, expression := range e.Versions {
			c.envoyFilter(where, expression, from, to)
		}
	}
}

func (c *checker) envoyFilter(where v1alpha1.CheckedObject, expression, from, to string) {
	before, after := matches(expression, from), matches(expression, to)
	if before == after {
		return
	}
	verb, version := "stops to match", to
	if after {
		verb, version = "starts to match", from
	}
	c.add(v1alpha1.AboutEnvoyFilters, "proxy-version", v1alpha1.Warning, where,
		fmt.Sprintf("its patch for proxyVersion %s %s: it matches %s, and not %s", expression, verb, matched(after, from, to), version),
		"see whether the patch is right for the proxies of "+to+", and write its proxyVersion so that it matches where it should")
}

func matched(after bool, from, to string) string {
	if after {
		return to
	}
	return from
}

// matches says whether istiod applies a patch with that expression to a proxy of that version. Source: proxyMatch in
// istio.io/istio/pilot/pkg/model: the expression may match anywhere, and one that cannot be compiled is passed over.
func matches(expression, version string) bool {
	if len(expression) > longestExpression {
		return false
	}
	compiled, err := regexp.Compile(expression)
	return err != nil || compiled.MatchString(version)
}

// retries finds routes that are never tried again: what a restarting pod cannot answer any more becomes an error of its clients. Such a
// route may be kept elsewhere, by a gateway's team, and lead to what is restarted.
func (c *checker) retries() {
	for i := range c.VirtualServices {
		v := &c.VirtualServices[i]
		var names, operations []string
		for _, r := range v.Routes {
			if !c.concerned[v.Namespace] && !slices.ContainsFunc(r.Namespaces, func(n string) bool { return c.concerned[n] }) {
				continue
			}
			names = append(names, r.String())
			operations = append(operations, fmt.Sprintf(`{"op":"remove","path":"/spec/http/%d/retries"}`, r.Position))
		}
		if len(names) == 0 {
			continue
		}
		c.add(v1alpha1.AboutRetries, "no-retries", v1alpha1.Warning, object("VirtualService", v.Namespace, v.Name),
			"retries are switched off (attempts: 0) for "+strings.Join(names, ", ")+": during restarts its clients see 503s",
			fmt.Sprintf("kubectl patch virtualservices.networking.istio.io/%s -n %s --type json -p '[%s]'", v.Name, v.Namespace, strings.Join(operations, ",")))
	}
}

// String names the route as people find it.
func (r Route) String() string {
	if r.Name != "" {
		return "route " + r.Name
	}
	return fmt.Sprintf("http[%d]", r.Position)
}
