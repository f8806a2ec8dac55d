package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

var cluster = Options{ResourceGroup: "shops", Name: "prod"}

func TestWhatIsRun(t *testing.T) {
	usual := Target{Revision: "1-23", Other: "1-22", IstioNamespace: "istio-system"}
	elsewhere := Target{Revision: "1-23", Other: "1-22", IstioNamespace: "mesh", Kubeconfig: "/home/a b/config", Context: "prod"}
	unnamed := Target{Revision: "default", Other: "1-22", IstioNamespace: "istio-system"}
	var text strings.Builder
	for _, value := range []string{"istioctl", "istioctl -f mesh.yaml --set profile=minimal", "aks", "aks --subscription 'the one'", "./up.sh 'a b'", "istioctl install -y"} {
		p, err := New("--install", value, cluster)
		if err != nil {
			t.Fatal(err)
		}
		for i, target := range []Target{usual, elsewhere, unnamed} {
			fmt.Fprintf(&text, "== %s, %s\n", value, []string{"as usual", "elsewhere", "without a name"}[i])
			for _, a := range Actions() {
				fmt.Fprintf(&text, "%s:\n", a)
				lines, err := p.Lines(a, target)
				if err != nil {
					fmt.Fprintf(&text, "  error: %v\n", err)
				}
				for _, l := range lines {
					fmt.Fprintf(&text, "  %s\n", l)
					for _, v := range l.Env {
						fmt.Fprintf(&text, "    %s\n", v)
					}
				}
			}
		}
	}
	golden.Equal(t, "lines.txt", text.String())
}

func TestWhatIsNoTool(t *testing.T) {
	for _, c := range []struct {
		value   string
		options Options
		want    string
	}{
		{"", cluster, `--install "": it is empty`},
		{"up.sh | tee log", cluster, `--install "up.sh | tee log": '|' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'`},
		{"REV=1-23 up.sh", cluster, `--install "REV=1-23 up.sh": REV=1-23 sets a variable, which is for a shell: write env REV=1-23 up.sh`},
		{"aks", Options{Name: "prod"}, "--install aks needs the cluster's resource group and name: add --aks-resource-group and --aks-name"},
		{"aks", Options{ResourceGroup: "shops"}, "--install aks needs the cluster's resource group and name: add --aks-resource-group and --aks-name"},
	} {
		if p, err := New("--install", c.value, c.options); p != nil || message(err) != c.want {
			t.Errorf("%q: got %v\nwant %s", c.value, err, c.want)
		}
	}
}

func TestAToolThatIsMissingIsNamedBeforehand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for value, want := range map[string]string{
		"istioctl":      "istioctl is not in PATH: install it, or add its directory to PATH",
		"aks":           "az is not in PATH: install it, or add its directory to PATH",
		"up.sh --fast":  "up.sh is not in PATH: install it, or add its directory to PATH",
		"/nowhere/tool": "/nowhere/tool cannot be run: exec: \"/nowhere/tool\": stat /nowhere/tool: no such file or directory",
	} {
		p, err := New("--install", value, cluster)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); message(err) != want {
			t.Errorf("%s: got %v\nwant %s", value, err, want)
		}
	}
}
