package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// oldMeshes are meshes as old releases of Istio left them, and what is said of their pods: status, the version that runs,
// and what would run.
var oldMeshes = map[string]struct {
	pods    map[string]string
	unknown int
}{
	"1.0.0": {pods: map[string]string{
		"shop/outdated":                     "outdated 0.8.0 docker.io/istio/proxyv2:1.0.0 default",
		"shop/current":                      "current 1.0.0 docker.io/istio/proxyv2:1.0.0 default",
		"shop/own-image":                    "current - proxy-of-ours default",
		"shop/missing":                      "missing - docker.io/istio/proxyv2:1.0.0 default",
		"shop/opted-out":                    "none - - -",
		"shop/label-counts-not":             "missing - docker.io/istio/proxyv2:1.0.0 default",
		"plain/asks-in-vain":                "none - - -",
		"plain/unexpected":                  "unexpected 1.0.0 - -",
		"istio-system/istio-ingressgateway": "current 1.0.0 docker.io/istio/proxyv2:1.0.0 -",
	}},
	"1.4.6": {pods: map[string]string{
		"shop/policy-disabled": "none - - -",
		"shop/always":          "missing - docker.io/istio/proxyv2:1.4.6-distroless default",
		"shop/variant":         "mismatched 1.4.6 docker.io/istio/proxyv2:1.4.6-distroless default",
		"shop/own-image":       "missing - example.com/proxy:2 default",
		"shop/own-hub":         "missing - mirror/proxyv2:1.4.6-distroless default",
		"closed/closed":        "none - - -",
	}},
	"1.6.8": {pods: map[string]string{
		"shop/before-revisions":            "outdated 1.5.4 docker.io/istio/proxyv2:1.6.8 default",
		"shop/current":                     "current 1.6.8 docker.io/istio/proxyv2:1.6.8 default",
		"shop/kube-inject":                 "current 1.6.8 docker.io/istio/proxyv2:1.6.8 default",
		"shop/label-counts-not":            "missing - docker.io/istio/proxyv2:1.6.8 default",
		"shop/annotated":                   "current 1.6.8 docker.io/istio/proxyv2:1.6.8 default",
		"shop/own-image":                   "current 2 example.com/proxy:2 default",
		"next/current":                     "current 1.7.3 docker.io/istio/proxyv2:1.7.3 canary",
		"next/still-default":               "outdated 1.6.8 docker.io/istio/proxyv2:1.7.3 canary",
		"both/legacy-label-wins":           "ahead 1.7.3 docker.io/istio/proxyv2:1.6.8 default",
		"gone/orphaned":                    "orphaned 1.5.4 - -",
		"plain/unexpected":                 "unexpected 1.6.8 - -",
		"plain/pods-label-selects-nothing": "none - - -",
	}},
	"1.9.9": {unknown: 1, pods: map[string]string{
		"shop/current":              "current 1.9.1 docker.io/istio/proxyv2:1.9.1 default",
		"shop/opted-out":            "none - - -",
		"shop/label-and-annotation": "unknown - - -",
		"shop/in-words":             "none - - -",
		"prod/current":              "current 1.9.9 docker.io/istio/proxyv2:1.9.9 1-9-9 by tag prod",
		"prod/outdated":             "outdated 1.9.1 docker.io/istio/proxyv2:1.9.9 1-9-9 by tag prod",
		"plain/asks-in-vain":        "none - - -",
		"plain/unexpected":          "unexpected 1.9.1 - -",
	}},
}

// said puts an item in a line.
func said(i item) string {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	version := ""
	if i.Proxy != nil {
		version = i.Proxy.Version
	}
	line := fmt.Sprint(i.Status, " ", dash(version), " ", dash(i.Expected.Image), " ", dash(i.Expected.Revision))
	if i.Expected.Tag != "" {
		line += " by tag " + i.Expected.Tag
	}
	return line
}

// TestDumpsOfOldMeshesAreRead looks at meshes of releases that no cluster of today could run.
func TestDumpsOfOldMeshesAreRead(t *testing.T) {
	for release, c := range oldMeshes {
		t.Run(release, func(t *testing.T) {
			file := filepath.Join("..", "..", "shared", "fixture", "eras", "testdata", release+".yaml")
			r := offlineAlone(t, "", "-f", file, "--all", "-o", "json")
			items := itemsOf(t, r)
			if len(items) != len(c.pods) {
				t.Errorf("%d pods, want %d", len(items), len(c.pods))
			}
			unknown := 0
			for id, want := range c.pods {
				if got := said(items[id]); got != want {
					t.Errorf("%s: got  %s\nwant %s (%s)", id, got, want, items[id].Reason)
				}
				if items[id].Status == "unknown" {
					unknown++
				}
			}
			if unknown != c.unknown || (r.code == 0) != (unknown == 0) {
				t.Errorf("%d unknown, exit %d, stderr %s", unknown, r.code, r.stderr)
			}
		})
	}
}
