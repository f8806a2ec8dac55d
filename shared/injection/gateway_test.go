package injection

import (
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// gatewayPod is a pod of the Gateway shop/gw, as revision 1-22 made it.
func gatewayPod(manager string) proxy.Pod {
	return pod(fixture.Label("gateway.istio.io/managed", manager), fixture.Label("gateway.networking.k8s.io/gateway-name", "gw"),
		fixture.Label("sidecar.istio.io/inject", "false"), fixture.Annotation("istio.io/rev", "1-22"),
		fixture.Proxy(oldImage, "proxy", "router"))
}

// withGateway is the mesh of two revisions with the Gateway shop/gw.
func withGateway(t *testing.T, g Gateway, changes ...func(data set)) *Mesh {
	m := twoRevisions(t, changes...)
	m.Claims.Gateways = map[string]Gateway{"shop/gw": g}
	return m
}

const gatewayController = "istio.io-gateway-controller"

func TestWhichControlPlaneManagesAGateway(t *testing.T) {
	defaultTag := func(m *Mesh) {
		m.Injectors = append(m.Injectors, injectors(fixture.TagInjector("default", "1-23"))...)
	}
	service := func(tag, rev string) func(*Mesh) {
		return func(m *Mesh) { m.Claims.TagServices = append(m.Claims.TagServices, TagService{tag, owner(rev)}) }
	}
	validator := func(rev string) func(*Mesh) { return func(m *Mesh) { m.Claims.DefaultValidator = rev } }
	unrevisioned := func(m *Mesh) {
		m.Injectors = injectors(fixture.Injector("default"))
		m.Configs[owner("default")] = m.Configs[owner("1-22")]
	}
	for _, c := range []struct {
		rule          string
		label         set
		namespace     set
		changes       []func(*Mesh)
		outcome       Outcome
		revision, tag string
		reason        string
	}{
		{"its own label", follows("1-23"), follows("1-22"), nil, Templated, "1-23", "", "Gateway shop/gw (its label istio.io/rev=1-23) -> revision 1-23"},
		{"the namespace's label", nil, follows("1-23"), nil, Templated, "1-23", "", "Gateway shop/gw (namespace label istio.io/rev=1-23) -> revision 1-23"},
		{"a tag", follows("prod-canary"), nil, nil, Templated, "1-23", "prod-canary",
			"Gateway shop/gw (its label istio.io/rev=prod-canary) -> tag prod-canary -> revision 1-23"},
		{"a tag that only a Service makes", follows("served"), nil, []func(*Mesh){service("served", "1-23")}, Templated, "1-23", "served",
			"Gateway shop/gw (its label istio.io/rev=served) -> tag served -> revision 1-23"},
		{"a tag's webhook and Service that agree", follows("prod-canary"), nil, []func(*Mesh){service("prod-canary", "1-23")}, Templated, "1-23", "prod-canary",
			"Gateway shop/gw (its label istio.io/rev=prod-canary) -> tag prod-canary -> revision 1-23"},
		{"a tag's webhook and Service that disagree", follows("prod-canary"), nil, []func(*Mesh){service("prod-canary", "1-22")}, Unknown, "", "",
			"Gateway shop/gw (its label istio.io/rev=prod-canary): control planes 1-22 and 1-23 both claim it"},
		{"no label: the default tag", nil, nil, []func(*Mesh){defaultTag}, Templated, "1-23", "default",
			"Gateway shop/gw (no label istio.io/rev) -> tag default -> revision 1-23"},
		{"no label: the default tag beats the default validator", nil, nil, []func(*Mesh){defaultTag, validator("1-22")}, Templated, "1-23", "default",
			"Gateway shop/gw (no label istio.io/rev) -> tag default -> revision 1-23"},
		{"no label: the default validator, where there is no such tag", nil, nil, []func(*Mesh){validator("1-23")}, Templated, "1-23", "",
			"Gateway shop/gw (no label istio.io/rev) -> revision 1-23"},
		{"no label: an installation without revisions", nil, nil, []func(*Mesh){unrevisioned}, Templated, "default", "",
			"Gateway shop/gw (no label istio.io/rev) -> revision default"},
		{"istio-injection is no revision", nil, set{"istio-injection": "enabled"}, []func(*Mesh){defaultTag}, Templated, "1-23", "default",
			"Gateway shop/gw (no label istio.io/rev) -> tag default -> revision 1-23"},
		{"no label and no default: it stays", nil, nil, nil, Templated, "1-22", "",
			"Gateway shop/gw (no label istio.io/rev): no control plane with an injector claims it, so its Deployment stays as it is"},
		{"an empty label is none", follows(""), nil, []func(*Mesh){defaultTag}, Templated, "1-23", "default",
			`Gateway shop/gw (its label istio.io/rev="") -> tag default -> revision 1-23`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, Gateway{Labels: c.label})
			for _, change := range c.changes {
				change(m)
			}
			d := m.DecideManaged(gatewayPod(gatewayController), c.namespace)
			if d.Outcome != c.outcome || d.Owner.Revision != c.revision || d.Tag != c.tag || d.Reason != c.reason || d.Dangling {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestAGatewayThatNamesNothingStaysAsItIs(t *testing.T) {
	d := withGateway(t, Gateway{Labels: follows("mistyped")}).DecideManaged(gatewayPod(gatewayController), nil)
	want := Decision{Outcome: Templated, Owner: revision.ControlPlane{Revision: "1-22"}, Image: oldImage, Dangling: true,
		Reason: "Gateway shop/gw (its label istio.io/rev=mistyped): no control plane with an injector claims it, so its Deployment stays as it is"}
	if d != want {
		t.Errorf("got %+v", d)
	}
}

func TestAGatewayThatIsDeployedByHandIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		rule      string
		addresses bool
		image     string
		owner     revision.ControlPlane
		reason    string
	}{
		{"without such addresses", false, newImage, owner("1-23"), "Gateway shop/gw (its label istio.io/rev=1-23) -> revision 1-23"},
		{"with addresses", true, oldImage, revision.ControlPlane{Revision: "1-22"},
			"Gateway shop/gw (its label istio.io/rev=1-23): istiod leaves a Gateway with such addresses alone, so its Deployment stays as it is"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, Gateway{Labels: follows("1-23"), Addresses: c.addresses})
			want := Decision{Outcome: Templated, Owner: c.owner, Image: c.image, Reason: c.reason}
			if d := m.DecideManaged(gatewayPod(gatewayController), nil); d != want {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestAControlPlaneClaimsNoGatewayInANamespaceThatItDoesNotRead(t *testing.T) {
	served := TagService{"prod-canary", owner("1-22")}
	for _, c := range []struct {
		rule      string
		label     string
		namespace set
		outcome   Outcome
		owner     revision.ControlPlane
	}{
		{"a namespace that it reads", "1-22", set{"mesh": "a"}, Templated, owner("1-22")},
		{"one that it does not: nobody claims it", "1-22", set{"mesh": "b"}, Templated, revision.ControlPlane{Revision: "1-22"}},
		{"one without labels", "1-22", nil, Templated, revision.ControlPlane{Revision: "1-22"}},
		{"another control plane's selectors do not matter", "1-23", nil, Templated, owner("1-23")},
		{"two claim it, and both read it", "prod-canary", set{"mesh": "a"}, Unknown, revision.ControlPlane{}},
		{"two claim it, and one reads it", "prod-canary", set{"mesh": "b"}, Templated, owner("1-23")},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, Gateway{Labels: follows(c.label)})
			m.Configs[owner("1-22")] = discovering(t, "[{matchLabels: {mesh: a}}]")
			m.Claims.TagServices = []TagService{served}
			d := m.DecideManaged(gatewayPod(gatewayController), c.namespace)
			unclaimed := c.outcome == Templated && c.owner.Namespace == ""
			if d.Outcome != c.outcome || d.Owner != c.owner ||
				strings.Contains(d.Reason, "no control plane with an injector claims it") != unclaimed {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestAControlPlaneWithoutAmbientModeMayMakeNoWaypoints(t *testing.T) {
	const waypoint = "istio.io-mesh-controller"
	off := func(data set) { data["values"] = strings.TrimSuffix(data["values"], "}") + `,"pilot":{"env":{}}}` }
	later := func(data set) { data["values"] = strings.Replace(data["values"], "1.22.0", "1.22.1", 1) }
	for _, c := range []struct {
		rule, manager string
		changes       []func(set)
		outcome       Outcome
	}{
		{"off, but what runs is what it would make", waypoint, []func(set){off}, Templated},
		{"off, and it would make another", waypoint, []func(set){later, off}, Unknown},
		{"off, for an east-west gateway", "istio.io-eastwest-controller", []func(set){later, off}, Unknown},
		{"off, for a gateway that is no waypoint", gatewayController, []func(set){later, off}, Templated},
		{"values that do not tell", waypoint, []func(set){later}, Templated},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, Gateway{Labels: follows("1-22")}, c.changes...)
			d := m.DecideManaged(gatewayPod(c.manager), nil)
			unknown := strings.HasSuffix(d.Reason, ": that control plane may make no waypoints: its values do not set PILOT_ENABLE_AMBIENT")
			if d.Outcome != c.outcome || unknown != (c.outcome == Unknown) {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestTheImageOfAManagedGateway(t *testing.T) {
	annotated := func(k, v string) Gateway { return Gateway{Labels: follows("1-22"), Annotations: set{k: v}} }
	for _, c := range []struct {
		rule    string
		gateway Gateway
		manager string
		configs []ProxyConfig
		want    string
	}{
		{"computed", Gateway{Labels: follows("1-22")}, gatewayController, nil, oldImage},
		{"of a waypoint", Gateway{Labels: follows("1-22")}, "istio.io-mesh-controller", nil, oldImage},
		{"a whole image on the Gateway", annotated("sidecar.istio.io/proxyImage", "example.com/gw:1"), gatewayController, nil, "example.com/gw:1"},
		{"an image type on the Gateway", annotated("sidecar.istio.io/proxyImageType", "debug"), gatewayController, nil, oldImage + "-debug"},
		{"proxy.istio.io/config on the Gateway does not count", annotated("proxy.istio.io/config", "image: {imageType: debug}"), gatewayController, nil, oldImage},
		{"a ProxyConfig for the Gateway's name", Gateway{Labels: follows("1-22")}, gatewayController,
			[]ProxyConfig{{Namespace: "shop", Selector: set{"gateway.networking.k8s.io/gateway-name": "gw"}, ImageType: "debug"}}, oldImage + "-debug"},
		{"a ProxyConfig for another label of the pod does not count", Gateway{Labels: follows("1-22")}, gatewayController,
			[]ProxyConfig{{Namespace: "shop", Selector: set{"sidecar.istio.io/inject": "false"}, ImageType: "debug"}}, oldImage},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, c.gateway)
			m.ProxyConfigs = NewProxyConfigs(c.configs)
			d := m.DecideManaged(gatewayPod(c.manager), nil)
			if d.Outcome != Templated || d.Image != c.want {
				t.Errorf("got %+v, want image %s", d, c.want)
			}
		})
	}
}

func TestAManagedGatewayIsUnknownWhereSomethingIsMissing(t *testing.T) {
	own := "  %: |\n    spec:\n      containers:\n      - name: istio-proxy\n        image: \"{{ .Values.mine }}\"\n"
	replaceTemplate := func(name string) func(set) {
		return func(data set) {
			data["config"] = strings.Replace(data["config"], "\n  "+name+": |", "\n  was-"+name+": |", 1) + strings.Replace(own, "%", name, 1)
		}
	}
	for _, c := range []struct {
		rule    string
		gateway Gateway
		manager string
		changes []func(set)
		change  func(*Mesh)
		reason  string
	}{
		{"what decides who claims it", Gateway{}, gatewayController, nil, func(m *Mesh) { m.Claims.Gap = "cannot read gateways: no" },
			"Gateway shop/gw: cannot read gateways: no"},
		{"the configuration", Gateway{Labels: follows("1-22")}, gatewayController, nil, func(m *Mesh) {
			m.Configs, m.ConfigGaps = nil, map[revision.ControlPlane]string{owner("1-22"): "hidden"}
		}, "Gateway shop/gw (its label istio.io/rev=1-22) -> revision 1-22: hidden"},
		{"ProxyConfig resources", Gateway{Labels: follows("1-22")}, gatewayController, nil, func(m *Mesh) { m.ProxyConfigs = ProxyConfigs{}.Lacking(map[string]string{"": "no"}) },
			"Gateway shop/gw (its label istio.io/rev=1-22) -> revision 1-22: no"},
		{"parameters that can replace the image", Gateway{Labels: follows("1-23"), Parameters: true}, gatewayController, nil, nil,
			"Gateway shop/gw (its label istio.io/rev=1-23) -> revision 1-23: its parametersRef can replace the image"},
		{"a gateway template of the user's", Gateway{Labels: follows("1-22")}, gatewayController, []func(set){replaceTemplate("kube-gateway")}, nil,
			`Gateway shop/gw (its label istio.io/rev=1-22) -> revision 1-22: template "kube-gateway" computes the image in a way of its own`},
		{"a waypoint template of the user's", Gateway{Labels: follows("1-22")}, "istio.io-mesh-controller", []func(set){replaceTemplate("waypoint")}, nil,
			`Gateway shop/gw (its label istio.io/rev=1-22) -> revision 1-22: template "waypoint" computes the image in a way of its own`},
		{"an east-west gateway is made from the waypoint's", Gateway{Labels: follows("1-22")}, "istio.io-eastwest-controller", []func(set){replaceTemplate("waypoint")}, nil,
			`Gateway shop/gw (its label istio.io/rev=1-22) -> revision 1-22: template "waypoint" computes the image in a way of its own`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := withGateway(t, c.gateway, c.changes...)
			if c.change != nil {
				c.change(m)
			}
			if d := m.DecideManaged(gatewayPod(c.manager), nil); d.Outcome != Unknown || d.Reason != c.reason {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestParametersDoNotMatterWhereTheImageIsTheExpectedOne(t *testing.T) {
	d := withGateway(t, Gateway{Labels: follows("1-22"), Parameters: true}).DecideManaged(gatewayPod(gatewayController), nil)
	if d.Outcome != Templated || d.Image != oldImage {
		t.Errorf("got %+v", d)
	}
}

func TestAGatewayWithNothingToExpect(t *testing.T) {
	m := twoRevisions(t)
	if d := m.DecideManaged(gatewayPod(gatewayController), nil); d != (Decision{Reason: "Gateway shop/gw no longer exists"}) {
		t.Errorf("its Gateway is gone: %+v", d)
	}
	other := pod(fixture.Label("gateway.istio.io/managed", gatewayController))
	if d := m.DecideManaged(other, nil); d != (Decision{Reason: "managed by istiod, but runs no istio-proxy container"}) {
		t.Errorf("another proxy: %+v", d)
	}
}
