package injection

import (
	"strings"
	"testing"
)

func TestIstiodChecksTheAnnotationsOfAPod(t *testing.T) {
	const (
		mode             = "sidecar.istio.io/interceptionMode"
		statusPort       = "status.sidecar.istio.io/port"
		initialDelay     = "readiness.status.sidecar.istio.io/initialDelaySeconds"
		period           = "readiness.status.sidecar.istio.io/periodSeconds"
		threshold        = "readiness.status.sidecar.istio.io/failureThreshold"
		includeRanges    = "traffic.sidecar.istio.io/includeOutboundIPRanges"
		excludeRanges    = "traffic.sidecar.istio.io/excludeOutboundIPRanges"
		includePorts     = "traffic.sidecar.istio.io/includeInboundPorts"
		excludePorts     = "traffic.sidecar.istio.io/excludeInboundPorts"
		excludeOutbound  = "traffic.sidecar.istio.io/excludeOutboundPorts"
		excludeInterface = "traffic.sidecar.istio.io/excludeInterfaces"
		kubevirt         = "traffic.sidecar.istio.io/kubevirtInterfaces"
		reroute          = "istio.io/reroute-virtual-interfaces"
		merge            = "prometheus.istio.io/merge-metrics"
		cpu              = "sidecar.istio.io/proxyCPU"
		memory           = "sidecar.istio.io/proxyMemory"
		cpuLimit         = "sidecar.istio.io/proxyCPULimit"
		memoryLimit      = "sidecar.istio.io/proxyMemoryLimit"
	)
	rules := map[string]bool{}
	for _, c := range []struct {
		annotation string
		good, bad  []string
	}{
		{mode, []string{"REDIRECT", "TPROXY", "NONE"}, []string{"", "redirect", " NONE", "*"}},
		{statusPort, []string{"15020", "0", " 15020 ", "65535"}, []string{"", " ", "http", "65536", "-1", "15020,15021", "*"}},
		{initialDelay, []string{"0", "10", "4294967295"}, []string{"", " 10", "-1", "1s", "4294967296"}},
		{period, []string{"10"}, []string{"", "10 ", "1.5"}},
		{threshold, []string{"10"}, []string{"", "many"}},
		{includeRanges, []string{"", "*", "10.0.0.0/8", "10.0.0.0/8,fd00::/8"}, []string{" ", " *", "*,10.0.0.0/8", "10.0.0.0", "10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/8,", "10.0.0.0/33"}},
		{excludeRanges, []string{"", "10.0.0.0/8"}, []string{"*", " ", " 10.0.0.0/8", "10.0.0.0/8,,"}},
		{includePorts, []string{"", "*", " ", "\t\n", "80", " 80 , 443 "}, []string{" *", "*,80", "80,", ",", " , ", "http", "65536"}},
		{excludePorts, []string{"", "  ", "80,443", "80, 443"}, []string{"*", "80,,443", ",80", "80-90"}},
		{excludeOutbound, []string{"", "  ", "80,443 "}, []string{"*", "80,", "x"}},
		{excludeInterface, []string{"", "eth0", "eth0, net1", " eth0 ", "a.b-c_d", "abcdefghijklmno"}, []string{" ", "*", "eth0,", "0eth", "-eth", "eth 0", "eth0;x", "abcdefghijklmnop", "eth0\n,a/b"}},
		{kubevirt, []string{"", "net1,net2"}, []string{" ", "1net", "net1,,net2"}},
		{reroute, []string{"", "net1"}, []string{" ", "$(x)"}},
		{merge, []string{"true", "false", "1", "T", "False"}, []string{"", " true", "yes"}},
		{cpu, []string{"100m", "1", "0.5"}, []string{"", " 1", "1 ", "1\n", "many", "*", "1e-99999999", "1E+99999"}},
		{memory, []string{"128Mi", "1e3"}, []string{"", "128MB", "128\x00Mi"}},
		{cpuLimit, []string{"2"}, []string{"", "two"}},
		{memoryLimit, []string{"1Gi"}, []string{"", "1 Gi"}},
	} {
		rules[c.annotation] = true
		for _, v := range c.good {
			if err := validateAnnotations(set{c.annotation: v}); err != nil {
				t.Errorf("%s=%q: %v", c.annotation, v, err)
			}
		}
		for _, v := range c.bad {
			err := validateAnnotations(set{c.annotation: v})
			if err == nil || !strings.HasPrefix(err.Error(), "annotation "+c.annotation+" is malformed: ") {
				t.Errorf("%s=%q: got %v, want an error", c.annotation, v, err)
			}
		}
	}
	for name := range annotationRules {
		if !rules[name] {
			t.Errorf("the rule for %s is not tested", name)
		}
	}
}

func TestAnnotationsWithoutARuleAreNotChecked(t *testing.T) {
	if err := validateAnnotations(set{"example.com/port": "http", "sidecar.istio.io/proxyImage": " "}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstMalformedAnnotationByNameIsNamed(t *testing.T) {
	malformed := set{"status.sidecar.istio.io/port": "x", "sidecar.istio.io/proxyCPU": "x", "traffic.sidecar.istio.io/excludeInboundPorts": "x"}
	for range 20 {
		if err := validateAnnotations(malformed); err == nil || !strings.HasPrefix(err.Error(), "annotation sidecar.istio.io/proxyCPU is malformed: ") {
			t.Fatalf("got %v", err)
		}
	}
}
