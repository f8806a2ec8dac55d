package injection

import (
	"regexp"
	"slices"
	"strings"

	"istio.io/api/annotation"
)

// templateImage is what an injection template makes of the proxy's image.
type templateImage struct {
	kind imageKind
	// literal is the image of a template that spells one out.
	literal string
}

type imageKind int

const (
	// noImage is a template that leaves the proxy's image alone, or adds no proxy.
	noImage imageKind = iota
	// stockImage is the rule of Istio's own templates since 1.12: the annotation sidecar.istio.io/proxyImage or
	// global.proxy.image where it has a "/", and the computed image otherwise.
	stockImage
	// computedImage is always the computed image.
	computedImage
	// literalImage is spelt out.
	literalImage
	// annotatedImage is the annotation where there is one, whatever it holds, and otherwise spelt out.
	annotatedImage
	// hubImage is stockImage with an image that is put together from the values alone.
	hubImage
	// hubOrAnnotationImage is hubImage, but an annotation without a "/" takes the place of the hub.
	hubOrAnnotationImage
	// valuesFirstImage is hubOrAnnotationImage, but what has a "/" or not is asked of global.proxy.image alone.
	valuesFirstImage
	// opaqueImage is computed by a template of the user's in a way that is not modelled.
	opaqueImage
)

// What Istio's own templates choose between, and by what.
const (
	ifWhole      = "{{ if contains \"/\" (annotation .ObjectMeta `sidecar.istio.io/proxyImage` .Values.global.proxy.image) }}\n"
	ifWholeValue = "{{ if contains \"/\" .Values.global.proxy.image }}\n"
	givenWhole   = "image: {{ annotation .ObjectMeta `sidecar.istio.io/proxyImage` .Values.global.proxy.image }}\n{{ else }}\n"
	fromIstiod   = "image: {{ .ProxyImage }}"
	fromHub      = "image: {{ .Values.global.hub }}/{{ .Values.global.proxy.image }}:{{ .Values.global.tag }}"
	fromHubOr    = "image: {{ annotation .ObjectMeta `sidecar.istio.io/proxyImage` .Values.global.hub }}/{{ .Values.global.proxy.image }}:{{ .Values.global.tag }}"
	endIf        = "\n{{ end }}"
)

// choices are the conditions by which Istio's own templates choose the image. Sources, in istio/istio:
// install/kubernetes/helm/istio/files/injection-template.yaml in release-1.2 to 1.4,
// manifests/istio-control/istio-discovery/files/injection-template.yaml in release-1.5, and since release-1.6
// manifests/charts/istio-control/istio-discovery/files.
var choices = map[string]imageKind{
	ifWholeValue + givenWhole + fromHubOr + endIf: valuesFirstImage,     // 1.2
	ifWhole + givenWhole + fromHubOr + endIf:      hubOrAnnotationImage, // 1.3 to 1.5
	ifWhole + givenWhole + fromHub + endIf:        hubImage,             // 1.6 to 1.11
	ifWhole + givenWhole + fromIstiod + endIf:     stockImage,
}

// Templates of 1.0 and 1.1 hold the image that Helm put there, and let the annotation replace it. Source:
// install/kubernetes/helm/istio/templates/sidecar-injector-configmap.yaml in release-1.0 and release-1.1 of istio/istio.
var (
	annotatedLiteral = regexp.MustCompile("^image: \\[\\[ annotation \\.ObjectMeta [\"`]sidecar\\.istio\\.io/proxyImage[\"`] \"([^\\s\"{}\\[\\]]+)\" \\]\\]$")
	issetLiteral     = regexp.MustCompile(`^image: \[\[ if \(isset \.ObjectMeta\.Annotations "sidecar\.istio\.io/proxyImage"\) \]\]\n` +
		`"\[\[ index \.ObjectMeta\.Annotations "sidecar\.istio\.io/proxyImage" \]\]"\n` +
		`\[\[ else \]\]\n["']?([^\s"'{}\[\]]+)["']?\n\[\[ end \]\]$`)
)

// classify tells by the container's lines how the image comes about.
func classify(lines []templateLine) templateImage {
	isImage := func(l templateLine) bool { return l.image }
	first := slices.IndexFunc(lines, isImage)
	if first < 0 {
		return templateImage{kind: noImage}
	}
	if slices.IndexFunc(lines[first+1:], isImage) < 0 {
		return classifyOne(lines[first:])
	}
	if kind, ok := choices[join(lines, first-1, first+4)]; ok && !slices.ContainsFunc(lines[first+4:], isImage) {
		return templateImage{kind: kind}
	}
	return templateImage{kind: opaqueImage}
}

// classifyOne reads the one image of a container, which starts the lines. Under a condition nothing is claimed.
func classifyOne(lines []templateLine) templateImage {
	value, only := strings.CutPrefix(lines[0].text, "image: ")
	switch {
	case lines[0].depth > 0:
	case only && lines[0].text == fromIstiod:
		return templateImage{kind: computedImage}
	case only && !strings.Contains(value, "{{") && !strings.Contains(value, "[["):
		return templateImage{kind: literalImage, literal: value}
	default:
		if m := annotatedLiteral.FindStringSubmatch(lines[0].text); m != nil {
			return templateImage{kind: annotatedImage, literal: m[1]}
		}
		if m := issetLiteral.FindStringSubmatch(join(lines, 0, 5)); m != nil {
			return templateImage{kind: annotatedImage, literal: m[1]}
		}
	}
	return templateImage{kind: opaqueImage}
}

// join puts lines together, empty where they are not all there.
func join(lines []templateLine, from, to int) string {
	if from < 0 || to > len(lines) {
		return ""
	}
	texts := make([]string, 0, to-from)
	for _, l := range lines[from:to] {
		texts = append(texts, l.text)
	}
	return strings.Join(texts, "\n")
}

// needsValues says whether the image is made from the Helm values.
func (t templateImage) needsValues() bool {
	switch t.kind {
	case stockImage, computedImage, hubImage, hubOrAnnotationImage, valuesFirstImage:
		return true
	}
	return false
}

// byIstiod says whether the image is one that istiod computes, and image types therefore matter.
func (t templateImage) byIstiod() bool { return t.kind == stockImage || t.kind == computedImage }

// of returns the image that the template gives to a pod with those annotations, empty where it gives none; computed is
// what istiod computes.
func (t templateImage) of(v values, computed string, annotations map[string]string) string {
	asked, isAsked := annotations[annotation.SidecarProxyImage.Name]
	orAsked := func(otherwise string) string {
		if isAsked {
			return asked
		}
		return otherwise
	}
	switch t.kind {
	case stockImage:
		return v.stockImage(computed, annotations)
	case computedImage:
		return computed
	case literalImage:
		return t.literal
	case annotatedImage:
		return orAsked(t.literal)
	case hubImage:
		return v.stockImage(v.plainImage(v.hub), annotations)
	case hubOrAnnotationImage:
		return v.stockImage(v.plainImage(orAsked(v.hub)), annotations)
	case valuesFirstImage:
		if strings.Contains(v.image, "/") {
			return orAsked(v.image)
		}
		return v.plainImage(orAsked(v.hub))
	}
	return ""
}
