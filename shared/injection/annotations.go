package injection

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/api/resource"

	"istio.io/api/annotation"
)

// annotationRules are the annotations that istiod checks before it injects: it refuses a pod that has a malformed one.
// Source: AnnotationValidation in istio.io/istio/pkg/kube/inject; proxy.istio.io/config is read elsewhere.
var annotationRules = map[string]func(string) error{
	annotation.SidecarInterceptionMode.Name:                   oneOf("REDIRECT", "TPROXY", "NONE"),
	annotation.SidecarStatusPort.Name:                         port,
	annotation.SidecarStatusReadinessInitialDelaySeconds.Name: unsigned,
	annotation.SidecarStatusReadinessPeriodSeconds.Name:       unsigned,
	annotation.SidecarStatusReadinessFailureThreshold.Name:    unsigned,
	annotation.SidecarTrafficIncludeOutboundIPRanges.Name:     orStar(eachOf(prefix)),
	annotation.SidecarTrafficExcludeOutboundIPRanges.Name:     eachOf(prefix),
	annotation.SidecarTrafficIncludeInboundPorts.Name:         orStar(ports),
	annotation.SidecarTrafficExcludeInboundPorts.Name:         ports,
	annotation.SidecarTrafficExcludeOutboundPorts.Name:        ports,
	annotation.SidecarTrafficExcludeInterfaces.Name:           eachOf(networkInterface),
	annotation.SidecarTrafficKubevirtInterfaces.Name:          eachOf(networkInterface),
	annotation.IoIstioRerouteVirtualInterfaces.Name:           eachOf(networkInterface),
	annotation.PrometheusMergeMetrics.Name:                    boolean,
	annotation.SidecarProxyCPU.Name:                           quantity,
	annotation.SidecarProxyMemory.Name:                        quantity,
	annotation.SidecarProxyCPULimit.Name:                      quantity,
	annotation.SidecarProxyMemoryLimit.Name:                   quantity,
}

// validateAnnotations returns what istiod would refuse the pod for: the first malformed annotation by name.
func validateAnnotations(annotations map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		rule, ok := annotationRules[name]
		if !ok {
			continue
		}
		if err := rule(annotations[name]); err != nil {
			return fmt.Errorf("annotation %s is malformed: %w", name, err)
		}
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("%q is none of %s", value, strings.Join(words, ", "))
		}
		return nil
	}
}

func orStar(rule func(string) error) func(string) error {
	return func(value string) error {
		if value == "*" {
			return nil
		}
		return rule(value)
	}
}

// eachOf applies a rule to every element of a list; an empty list is well.
func eachOf(rule func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		for _, element := range strings.Split(value, ",") {
			if err := rule(element); err != nil {
				return err
			}
		}
		return nil
	}
}

// ports takes a list of nothing but blanks for an empty one, unlike other lists.
func ports(value string) error { return eachOf(port)(strings.TrimSpace(value)) }

func port(value string) error {
	_, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
	return err
}

func unsigned(value string) error {
	_, err := strconv.ParseUint(value, 10, 32)
	return err
}

func boolean(value string) error {
	_, err := strconv.ParseBool(value)
	return err
}

// prefix is strict about blanks, as istiod is.
func prefix(value string) error {
	_, err := netip.ParsePrefix(value)
	return err
}

var interfaceShape = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.\-]{0,14}$`)

func networkInterface(value string) error {
	if !interfaceShape.MatchString(strings.TrimSpace(value)) {
		return fmt.Errorf("%q is no name of a network interface", value)
	}
	return nil
}

// hugeExponent is one with so many digits that parsing the number takes minutes: a hostile annotation must not stall us,
// and istiod does not answer in time for such a pod either.
var hugeExponent = regexp.MustCompile(`[eE][+-]?[0-9]{5}`)

func quantity(value string) error {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Errorf("%q contains control characters", value)
	}
	if hugeExponent.MatchString(value) {
		return fmt.Errorf("%q has too large an exponent", value)
	}
	_, err := resource.ParseQuantity(value)
	return err
}
