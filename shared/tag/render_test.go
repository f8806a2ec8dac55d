package tag

import (
	"bytes"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

func TestRenderedTags(t *testing.T) {
	annotated := own("1-23")
	annotated.Annotations = map[string]string{"team": "mesh", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
	for _, c := range []struct {
		file string
		own  mutating
		o    Options
	}{
		{"tag.yaml", annotated, Options{Tag: "prod-stable", Namespace: istio}},
		{"default.yaml", own("1-23"), Options{Tag: Default, Namespace: istio}},
		{"unrevisioned.yaml", own("default"), Options{Tag: "prod", Namespace: istio}},
		{"elsewhere.yaml", inNamespace(own("asm-1-22"), "aks-istio-system"), Options{Tag: Default, Namespace: "aks-istio-system", AutoInject: true}},
		{"byurl.yaml", byURL(own("managed")), Options{Tag: Default, Namespace: istio, WebhookName: "mine"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			r, err := Render(&c.own, c.o)
			if err != nil {
				t.Fatal(err)
			}
			objects := []runtime.Object{r.Webhook}
			if r.Validator != nil {
				objects = append(objects, r.Validator)
			}
			var text bytes.Buffer
			for _, object := range append(objects, r.Service) {
				document, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString("---\n" + string(document))
			}
			golden.Equal(t, c.file, text.String())
		})
	}
}

func TestWhatIsNoInjectorIsNotRendered(t *testing.T) {
	other := own("1-22")
	other.Webhooks[0].Name, other.Webhooks = "other.example.com", other.Webhooks[:1]
	if _, err := Render(&other, Options{Tag: "prod", Namespace: istio}); err == nil {
		t.Error("no error")
	}
}
