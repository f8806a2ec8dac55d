package injection

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

const containers = "spec:\n  containers:\n"

func TestTheImageOfATemplate(t *testing.T) {
	annotated := "{{ annotation .ObjectMeta `sidecar.istio.io/proxyImage` .Values.global.proxy.image }}"
	for _, c := range []struct {
		rule, text string
		kind       imageKind
		literal    string
	}{
		{"Istio's own", fixture.StockTemplate, stockImage, ""},
		{"Istio's waypoint has the image behind the ports", containers + "  - name: istio-proxy\n    ports:\n    - containerPort: 15020\n      name: metrics\n" +
			"    {{- if contains \"/\" (" + annotated[3:len(annotated)-3] + ") }}\n    image: \"" + annotated + "\"\n    {{- else }}\n    image: \"{{ .ProxyImage }}\"\n    {{- end }}\n", stockImage, ""},
		{"another container before it", containers + "  - name: istio-init\n    image: \"{{ .ProxyInitImage }}\"\n  - name: istio-proxy\n    image: a/b:1\n", literalImage, "a/b:1"},
		{"another container behind it", containers + "  - name: istio-proxy\n    image: a/b:1\n  - name: more\n    image: c/d:1\n", literalImage, "a/b:1"},
		{"no proxy", "metadata:\n  labels: {a: b}\n", noImage, ""},
		{"a proxy without an image", containers + "  - name: istio-proxy\n    env: []\n", noImage, ""},
		{"nothing at all", "", noImage, ""},
		{"always the computed image", containers + "  - name: istio-proxy\n    image: \"{{ .ProxyImage }}\"\n", computedImage, ""},
		{"without quotes", containers + "  - name: istio-proxy\n    image: {{ .ProxyImage }}\n", computedImage, ""},
		{"spelt out", containers + "  - name: istio-proxy\n    image: 'a/b:1'\n", literalImage, "a/b:1"},
		{"spelt out, with a comment", containers + "  - name: istio-proxy\n    image: a/b:1 # ours\n", literalImage, "a/b:1"},
		{"a key in quotes", containers + "  - name: \"istio-proxy\"\n    \"image\": a/b:1\n", literalImage, "a/b:1"},
		{"an image policy is no image", containers + "  - name: istio-proxy\n    {{ if .X }}imagePullPolicy: Always{{ end }}\n", noImage, ""},
		{"built from values", containers + "  - name: istio-proxy\n    image: \"{{ .Values.global.hub }}/mine:1\"\n", opaqueImage, ""},
		{"the other way round", containers + "  - name: istio-proxy\n    image: \"{{ .ProxyImage }}\"\n    image: \"" + annotated + "\"\n", opaqueImage, ""},
		{"spelt out under a condition", containers + "  - name: istio-proxy\n    {{- if .Values.mine }}\n    image: a/b:1\n    {{- end }}\n", opaqueImage, ""},
		{"a whole container under a condition", "spec:\n  {{ with .Values.mine }}\n  containers:\n  - name: istio-proxy\n    image: a/b:1\n  {{ end }}\n", opaqueImage, ""},
		{"behind a condition that has ended", "{{ if .X }}\nmetadata: {}\n{{ end }}\n" + containers + "  - name: istio-proxy\n    image: a/b:1\n", literalImage, "a/b:1"},
		{"a condition and the image on one line", containers + "  - name: istio-proxy\n    {{ if .Values.mine }}image: a/b:1{{ end }}\n", opaqueImage, ""},
		{"the name is not the first field", containers + "  - image: a/b:1\n    name: istio-proxy\n", opaqueImage, ""},
		{"as JSON", `{"spec":{"containers":[{"name":"istio-proxy","image":"a/b:1"}]}}`, opaqueImage, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := imageOfTemplate(c.text); got.kind != c.kind || got.literal != c.literal {
				t.Errorf("got %+v, want kind %d, %q", got, c.kind, c.literal)
			}
		})
	}
}

func FuzzImageOfTemplate(f *testing.F) {
	f.Add(fixture.StockTemplate)
	f.Add(containers + "  - name: istio-proxy\n    image: a/b:1\n")
	f.Add("- name: istio-proxy\nimage: x\n")
	f.Add("{{ if }}{{ end }}{{end}}\n- name: istio-proxy\n  image: \"\n")
	f.Add(`{"name":"istio-proxy"}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := imageOfTemplate(text)
		if got.literal != "" && got.kind != literalImage {
			t.Errorf("got %+v", got)
		}
		if again := imageOfTemplate(text); again != got {
			t.Errorf("got %+v, then %+v", got, again)
		}
	})
}
