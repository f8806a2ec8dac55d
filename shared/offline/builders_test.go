package offline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
)

// apiVersions are those of the kinds, where it is not v1.
var apiVersions = map[string]string{
	"MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
	"ProxyConfig": "networking.istio.io/v1beta1", "Gateway": "gateway.networking.k8s.io/v1",
	"ReplicaSet": "apps/v1", "Deployment": "apps/v1", "DaemonSet": "apps/v1", "StatefulSet": "apps/v1", "Job": "batch/v1",
}

// objectOf returns the JSON of an object, given as `Kind namespace/name`, perhaps with `< version/Kind/name`, its controller.
func objectOf(text string) string {
	text, controller, _ := strings.Cut(text, " < ")
	kind, id, _ := strings.Cut(text, " ")
	version := apiVersions[kind]
	if version == "" {
		version = "v1"
	}
	metadata := fmt.Sprintf(`"name":%q`, id)
	if namespace, name, ok := strings.Cut(id, "/"); ok {
		metadata = fmt.Sprintf(`"namespace":%q,"name":%q`, namespace, name)
	}
	if controller != "" {
		at := strings.LastIndex(controller[:strings.LastIndex(controller, "/")], "/")
		owner, name, _ := strings.Cut(controller[at+1:], "/")
		metadata += fmt.Sprintf(`,"ownerReferences":[{"apiVersion":%q,"kind":%q,"name":%q,"uid":"u","controller":true}]`, controller[:at], owner, name)
	}
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{%s}}`, version, kind, metadata)
}

// list is a dump of the objects.
func list(objects ...string) string {
	var items []string
	for _, o := range objects {
		items = append(items, objectOf(o))
	}
	return `{"apiVersion":"v1","kind":"List","items":[` + strings.Join(items, ",\n") + "]}\n"
}

// cutOff is a dump of the objects that ends in the middle of another.
func cutOff(objects ...string) string {
	return strings.TrimSuffix(list(objects...), "]}\n") + `,{"apiVersion":"v1"`
}

// everything is a dump that lacks nothing, in the order of the command.
var everything = []string{
	"MutatingWebhookConfiguration injector", "Namespace shop", "ConfigMap shop/any", "Service shop/cart", "ProxyConfig shop/variant",
	"Gateway shop/gw", "ReplicaSet shop/cart-1 < apps/v1/Deployment/cart", "Deployment shop/cart < example.com/v1/App/cart",
	"DaemonSet shop/agent", "StatefulSet shop/db", "Job shop/once", "Pod shop/cart-1-x < apps/v1/ReplicaSet/cart-1", "Pod shop/once-x < batch/v1/Job/once",
	"ValidatingWebhookConfiguration validator",
}

// without leaves out what begins like this.
func without(kind string) []string {
	var rest []string
	for _, o := range everything {
		if !strings.HasPrefix(o, kind+" ") {
			rest = append(rest, o)
		}
	}
	return rest
}

func read(t *testing.T, text string) *Cluster {
	t.Helper()
	c, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lacks puts in lines what a dump is said to lack.
func lacks(c *Cluster) string {
	var lines []string
	add := func(prefix string, gaps []cluster.Gap) {
		for _, gap := range gaps {
			lines = append(lines, prefix+strings.TrimPrefix(gap.Error(), "cannot read "))
		}
	}
	add("", c.Objects.Mesh("").Gaps())
	add("", c.Owners.Gaps())
	add("", c.Gaps)
	add("quietly ", c.quiet)
	for _, note := range c.Notes {
		lines = append(lines, "note: "+note)
	}
	return strings.Join(lines, "\n")
}
