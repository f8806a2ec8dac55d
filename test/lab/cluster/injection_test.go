package cluster

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"
)

func rev(name string) map[string]string { return map[string]string{label.IoIstioRev.Name: name} }

func TestARevisionInjectsItsProxyAsANativeSidecar(t *testing.T) {
	namespace(t, "native", rev("1-22"))
	wantProxy(t, "native", "docker.io/istio/proxyv2:1.22.0")
	pod, err := injected(t, "native", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, native := proxy(pod); !native {
		t.Error("the proxy is no native sidecar")
	}
}

func TestATagSelectsTheRevisionItPointsTo(t *testing.T) {
	if _, err := lab.Istioctl(t.Context(), "tag", "set", "prod", "--revision", "1-22"); err != nil {
		t.Fatal(err)
	}
	namespace(t, "tagged", rev("prod"))
	wantProxy(t, "tagged", "docker.io/istio/proxyv2:1.22.0")
}

func TestAnOutageRefusesPodsUntilItIsRestored(t *testing.T) {
	namespace(t, "outage", rev("1-22"))
	if err := lab.Outage("", "1-22"); err != nil {
		t.Fatal(err)
	}
	if _, err := injected(t, "outage", nil); err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := lab.Err(); err != nil {
		t.Errorf("an outage that was asked for is taken for a death: %v", err)
	}
	if err := lab.Restore(t.Context(), "", "1-22"); err != nil {
		t.Fatal(err)
	}
	wantProxy(t, "outage", "docker.io/istio/proxyv2:1.22.0")
}

func TestIstiodFollowsItsConfigMap(t *testing.T) {
	namespace(t, "followed", rev("1-22"))
	edit := func(from, to string) {
		maps := lab.Client().CoreV1().ConfigMaps("istio-system")
		cm, err := maps.Get(t.Context(), "istio-sidecar-injector-1-22", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		cm.Data["values"] = strings.ReplaceAll(cm.Data["values"], from, to)
		if _, err := maps.Update(t.Context(), cm, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a proxy from "+to, func() (bool, string) {
			pod, err := injected(t, "followed", nil)
			if err != nil {
				return false, err.Error()
			}
			image, _ := proxy(pod)
			return strings.HasPrefix(image, to+"/"), image
		})
	}
	edit("docker.io/istio", "mirror.example.com/istio")
	edit("mirror.example.com/istio", "docker.io/istio")
}

func TestMeshesOfOneClusterTrustOneAuthority(t *testing.T) {
	mesh := Istio{Revision: "other", Tag: "1.22.0", Namespace: "other-system"}
	if err := lab.InstallIstio(t.Context(), mesh); err != nil {
		t.Fatal(err)
	}
	root := func(namespace string) string {
		cm, err := lab.Client().CoreV1().ConfigMaps(namespace).Get(t.Context(), "istio-ca-root-cert", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		return cm.ResourceVersion
	}
	namespace(t, "trusting", nil)
	eventually(t, "the root certificate", func() (bool, string) {
		before := root("trusting")
		time.Sleep(500 * time.Millisecond)
		after := root("trusting")
		return before == after && !strings.Contains(after, "not found"), before + ", then " + after
	})
	if err := lab.UninstallIstio(t.Context(), mesh.Namespace, mesh.Revision); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralMeshesLiveInOneCluster(t *testing.T) {
	for _, i := range []Istio{
		{Revision: "asm-1-22", Tag: "1.22.0-distroless", Hub: "mcr.microsoft.com/oss/istio", Namespace: "aks-istio-system"},
		{Tag: "1.21.0", Hub: "registry.example.com:5000/istio", Env: map[string]string{"ENABLE_NATIVE_SIDECARS": "false"}},
	} {
		if err := lab.InstallIstio(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	namespace(t, "managed", rev("asm-1-22"))
	wantProxy(t, "managed", "mcr.microsoft.com/oss/istio/proxyv2:1.22.0-distroless")
	namespace(t, "plain", map[string]string{"istio-injection": "enabled"})
	wantProxy(t, "plain", "registry.example.com:5000/istio/proxyv2:1.21.0")
	pod, err := injected(t, "plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, native := proxy(pod); native {
		t.Error("istiod's environment was not used: the proxy is a native sidecar")
	}
	namespace(t, "first", rev("1-22"))
	wantProxy(t, "first", "docker.io/istio/proxyv2:1.22.0")

	if err := lab.UninstallIstio(t.Context(), "aks-istio-system", "asm-1-22"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a pod without proxy", func() (bool, string) {
		pod, err := injected(t, "managed", nil)
		if err != nil {
			return false, err.Error()
		}
		image, _ := proxy(pod)
		return image == "", image
	})
}
