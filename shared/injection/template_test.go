package injection

import (
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

const (
	containers = "spec:\n  containers:\n"
	// ofIsset and ofAnnotation choose the image as the templates of 1.0.0 and of 1.1 do.
	ofIsset = containers + "  - name: istio-proxy\n    image: [[ if (isset .ObjectMeta.Annotations \"sidecar.istio.io/proxyImage\") -]]\n" +
		"    \"[[ index .ObjectMeta.Annotations \"sidecar.istio.io/proxyImage\" ]]\"\n    [[ else -]]\n    a/b:1\n    [[ end -]]\n"
	ofAnnotation = containers + "  - name: istio-proxy\n    image: [[ annotation .ObjectMeta `sidecar.istio.io/proxyImage`  \"a/b:1\"  ]]\n"
)

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
		{"the name is on the next line", containers + "  - name:\n      istio-proxy\n    image: a/b:1\n", opaqueImage, ""},
		{"1.0.0's", ofIsset, annotatedImage, "a/b:1"},
		{"1.0.0's, of another annotation", strings.ReplaceAll(ofIsset, "sidecar.istio.io/proxyImage", "mine"), opaqueImage, ""},
		{"1.0.0's, cut off", ofIsset[:strings.Index(ofIsset, "[[ else")], opaqueImage, ""},
		{"1.1's", ofAnnotation, annotatedImage, "a/b:1"},
		{"1.0.5's, in quotes", containers + "  - name: istio-proxy\n    image: \"[[ annotation .ObjectMeta `sidecar.istio.io/proxyImage` \"a/b:1\" ]]\"\n", annotatedImage, "a/b:1"},
		{"1.1's, under a condition", containers + "  - name: istio-proxy\n    [[ if .Mine ]]\n    image: [[ annotation .ObjectMeta `sidecar.istio.io/proxyImage` \"a/b:1\" ]]\n    [[ end ]]\n", opaqueImage, ""},
		{"1.1's, in the brackets of later releases", containers + "  - name: istio-proxy\n    image: {{ annotation .ObjectMeta `sidecar.istio.io/proxyImage` \"a/b:1\" }}\n", opaqueImage, ""},
		{"1.2's", choosing(ifWholeValue, fromHubOr), valuesFirstImage, ""},
		{"1.3's", choosing(ifWhole, fromHubOr), hubOrAnnotationImage, ""},
		{"1.6's", choosing(ifWhole, fromHub), hubImage, ""},
		{"1.12's", choosing(ifWhole, fromIstiod), stockImage, ""},
		{"a comment between is no matter", strings.Replace(choosing(ifWhole, fromHub), "{{ else }}", "# or\n    {{ else }}", 1), hubImage, ""},
		{"1.6's image under 1.2's condition", choosing(ifWholeValue, fromHub), opaqueImage, ""},
		{"more on one of the branches", strings.Replace(choosing(ifWhole, fromHub), "{{ else }}", "stdin: true\n    {{ else }}", 1), opaqueImage, ""},
		{"another condition", choosing("{{ if .Values.mine }}\n", fromIstiod), opaqueImage, ""},
		{"one image more behind the choice", choosing(ifWhole, fromIstiod) + "    image: a/b:1\n", opaqueImage, ""},
		{"a choice without an end", strings.Replace(choosing(ifWhole, fromIstiod), "{{ end }}", "", 1), opaqueImage, ""},
		{"as JSON", `{"spec":{"containers":[{"name":"istio-proxy","image":"a/b:1"}]}}`, opaqueImage, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := imageOfTemplate(c.text); got.kind != c.kind || got.literal != c.literal {
				t.Errorf("got %+v, want kind %d, %q", got, c.kind, c.literal)
			}
		})
	}
}

// choosing is a template whose proxy's image is given whole under the condition, and is otherwise the other.
func choosing(condition, other string) string {
	return containers + "  - name: istio-proxy\n    " + strings.ReplaceAll(condition+givenWhole+other+endIf, "\n", "\n    ") + "\n    ports: []\n"
}

func TestTheImageThatATemplateGives(t *testing.T) {
	v := values{hub: "hub.example.com/i", image: "proxyv2", tag: "1.4.6"}
	given := values{hub: "hub.example.com/i", image: "example.com/given:1", tag: "1.4.6"}
	asked := func(image string) set { return set{"sidecar.istio.io/proxyImage": image} }
	const plain, computed = "hub.example.com/i/proxyv2:1.4.6", "computed"
	for _, c := range []struct {
		rule        string
		template    templateImage
		values      values
		annotations set
		want        string
	}{
		{"none", templateImage{kind: noImage}, v, asked("a/b:1"), ""},
		{"stock", templateImage{kind: stockImage}, v, nil, computed},
		{"stock, a name alone is no image", templateImage{kind: stockImage}, v, asked("mine"), computed},
		{"stock, asked for", templateImage{kind: stockImage}, v, asked("a/b:1"), "a/b:1"},
		{"computed, whatever is asked for", templateImage{kind: computedImage}, v, asked("a/b:1"), computed},
		{"spelt out, whatever is asked for", templateImage{literalImage, "x/y:2"}, v, asked("a/b:1"), "x/y:2"},
		{"1.1", templateImage{annotatedImage, "x/y:2"}, v, nil, "x/y:2"},
		{"1.1, asked for", templateImage{annotatedImage, "x/y:2"}, v, asked("mine"), "mine"},
		{"1.1, asked for in vain", templateImage{annotatedImage, "x/y:2"}, v, asked(""), ""},
		{"1.2", templateImage{kind: valuesFirstImage}, v, nil, plain},
		{"1.2, asked for", templateImage{kind: valuesFirstImage}, v, asked("a/b:1"), "a/b:1/proxyv2:1.4.6"},
		{"1.2, given whole", templateImage{kind: valuesFirstImage}, given, nil, "example.com/given:1"},
		{"1.2, given whole and asked for", templateImage{kind: valuesFirstImage}, given, asked("mine"), "mine"},
		{"1.3", templateImage{kind: hubOrAnnotationImage}, v, nil, plain},
		{"1.3, asked for", templateImage{kind: hubOrAnnotationImage}, v, asked("a/b:1"), "a/b:1"},
		{"1.3, a hub is asked for", templateImage{kind: hubOrAnnotationImage}, v, asked("mine"), "mine/proxyv2:1.4.6"},
		{"1.3, given whole", templateImage{kind: hubOrAnnotationImage}, given, nil, "example.com/given:1"},
		{"1.6", templateImage{kind: hubImage}, v, nil, plain},
		{"1.6, asked for", templateImage{kind: hubImage}, v, asked("a/b:1"), "a/b:1"},
		{"1.6, a name alone is no image", templateImage{kind: hubImage}, v, asked("mine"), plain},
		{"1.6, given whole", templateImage{kind: hubImage}, given, nil, "example.com/given:1"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.template.of(c.values, computed, c.annotations); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzImageOfTemplate(f *testing.F) {
	for _, era := range [][2]string{{ifWholeValue, fromHubOr}, {ifWhole, fromHubOr}, {ifWhole, fromHub}, {ifWhole, fromIstiod}} {
		f.Add(choosing(era[0], era[1]))
	}
	f.Add(ofIsset)
	f.Add(ofAnnotation)
	f.Add(fixture.StockTemplate)
	f.Add(containers + "  - name: istio-proxy\n    image: a/b:1\n")
	f.Add("- name: istio-proxy\nimage: x\n")
	f.Add("{{ if }}{{ end }}{{end}}\n- name: istio-proxy\n  image: \"\n")
	f.Add(`{"name":"istio-proxy"}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := imageOfTemplate(text)
		if got.literal != "" && got.kind != literalImage && got.kind != annotatedImage {
			t.Errorf("got %+v", got)
		}
		if again := imageOfTemplate(text); again != got {
			t.Errorf("got %+v, then %+v", got, again)
		}
	})
}
