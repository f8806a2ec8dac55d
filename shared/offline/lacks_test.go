package offline

import (
	"slices"
	"strings"
	"testing"
)

// cutAfter says how messages tell that a dump is cut off.
func cutAfter(n, last string) string {
	return ": the dump is cut off: it ends in the middle of object " + n + ", after " + last
}

func TestWhatADumpLacksIsAccountedFor(t *testing.T) {
	inPods, inConfigMaps := cutAfter("13", "pod shop/cart-1-x"), cutAfter("4", "configmap shop/any")
	for _, c := range []struct{ rule, text, want string }{
		{"nothing", list(everything...), ""},
		{"webhooks", list(without("MutatingWebhookConfiguration")...), "webhook configurations: the dump has none"},
		{"namespaces", list(without("Namespace")...), "namespaces: the dump has none"},
		{"ConfigMaps", list(without("ConfigMap")...), "configmaps: the dump has none"},
		{"services", list(without("Service")...), "quietly services: the dump has none"},
		{"Gateways", list(without("Gateway")...), "quietly gateways: the dump has none"},
		{"DaemonSets", list(without("DaemonSet")...), "quietly daemonsets: the dump has none"},
		{"the validator", list(without("ValidatingWebhookConfiguration")...),
			"quietly validatingwebhookconfiguration istiod-default-validator: the dump has none"},
		{"ProxyConfigs, which most clusters have none of", list(without("ProxyConfig")...),
			"note: the dump has no ProxyConfigs: it is taken that the cluster has none"},
		{"ReplicaSets, which pods name", list(without("ReplicaSet")...), "replicasets: the dump has none"},
		{"ReplicaSets, which no pod names", list(slices.DeleteFunc(without("ReplicaSet"), func(o string) bool { return strings.HasPrefix(o, "Pod shop/cart") })...), ""},
		{"Jobs, which pods name", list(without("Job")...), "jobs: the dump has none"},
		{"Deployments, which only matter to who asks what stands above", list(without("Deployment")...), ""},
		{"the end of the pods", cutOff(everything[:12]...), "all pods" + inPods + "\nquietly validatingwebhookconfiguration istiod-default-validator" + inPods},
		{"the end of the pods, and ProxyConfigs that would stand before", cutOff(without("ProxyConfig")[:11]...),
			"all pods" + cutAfter("12", "pod shop/cart-1-x") + "\nquietly validatingwebhookconfiguration istiod-default-validator" + cutAfter("12", "pod shop/cart-1-x") +
				"\nnote: the dump has no ProxyConfigs: it is taken that the cluster has none"},
		{"the end of the ConfigMaps after the pods", cutOff("Pod shop/cart-1", "Namespace shop", "ConfigMap shop/any"),
			"webhook configurations" + inConfigMaps + "\nconfigmaps" + inConfigMaps + "\nthe whole dump" + inConfigMaps + "\nquietly services" + inConfigMaps +
				"\nquietly proxyconfigs" + inConfigMaps + "\nquietly gateways" + inConfigMaps + "\nquietly validatingwebhookconfiguration istiod-default-validator" + inConfigMaps +
				"\nquietly daemonsets" + inConfigMaps},
		{"the end of a dump of one namespace after another", cutOff(append(slices.Clone(everything), "ConfigMap bank/any", "Pod bank/a")...),
			strings.Join([]string{"webhook configurations", "namespaces", "configmaps", "replicasets", "jobs", "all pods", "quietly services", "quietly proxyconfigs", "quietly gateways",
				"quietly validatingwebhookconfiguration istiod-default-validator", "quietly daemonsets", ""}, cutAfter("17", "pod bank/a")+"\n")},
		{"later pages", strings.Replace(list("Pod shop/a"), `"kind":"List"`, `"kind":"PodList","metadata":{"continue":"more"}`, 1) + list(without("Pod")...),
			"all pods: the dump has only the first page of the list"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := lacks(read(t, c.text)); got != strings.TrimSuffix(c.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestADumpWithoutPodsIsNone(t *testing.T) {
	for text, want := range map[string]string{
		list(without("Pod")[:4]...):               "the dump has no pods, but 1 ConfigMap, 1 MutatingWebhookConfiguration, 1 Namespace, 1 Service",
		cutOff("Namespace shop", "Namespace one"): "the dump is cut off before its pods: it ends in the middle of object 3, after namespace one",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if c := read(t, `{"apiVersion":"v1","kind":"PodList","items":[]}`); len(c.pods) != 0 {
		t.Error("a cluster may have no pods")
	}
}

func TestWhatStandsAboveIsLackedOnlyByThoseWhoAsk(t *testing.T) {
	for kind, want := range map[string]string{
		"Deployment": "deployments: the dump has none", "StatefulSet": "", "Service": "quietly services: the dump has none",
	} {
		c := read(t, list(without(kind)...))
		c.LackAbove()
		if got := lacks(c); got != want {
			t.Errorf("without %s: %s", kind, got)
		}
	}
}

// injectorIn is an injector whose control plane is in that namespace.
const injectorIn = `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingWebhookConfiguration","metadata":{"name":"i","labels":{"istio.io/rev":"1-22"}},
	"webhooks":[{"name":"rev.namespace.sidecar-injector.istio.io","clientConfig":{"service":{"namespace":"istio-system","name":"istiod"}}}]}`

func TestADumpOfOtherNamespacesLacksIstios(t *testing.T) {
	const want = "configmaps in namespace istio-system: the dump has none"
	rest := list(without("MutatingWebhookConfiguration")...)
	if got := lacks(read(t, injectorIn+rest+list("Namespace istio-system"))); got != want {
		t.Errorf("got %s", got)
	}
	for _, there := range []string{"ConfigMap istio-system/istio", "ConfigMap bank/istio"} {
		// A namespace that is not there has no ConfigMaps either.
		if got := lacks(read(t, injectorIn+rest+list(there))); got != "" {
			t.Errorf("%s: got %s", there, got)
		}
	}
}

func TestThereAreNoQuietGapsWithoutADump(t *testing.T) {
	if gaps := (*Cluster)(nil).Quiet(); gaps != nil {
		t.Errorf("got %v", gaps)
	}
	if gaps := read(t, list(without("Service")...)).Quiet(); len(gaps) != 1 || gaps[0].Error() != "cannot read services: the dump has none" {
		t.Errorf("got %v", gaps)
	}
}
