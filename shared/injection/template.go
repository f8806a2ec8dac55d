package injection

import (
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
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
	// stockImage is the rule of Istio's own templates: the annotation sidecar.istio.io/proxyImage or
	// global.proxy.image where it has a "/", and the computed image otherwise.
	stockImage
	// computedImage is always the computed image.
	computedImage
	// literalImage is spelt out.
	literalImage
	// opaqueImage is computed by a template of the user's in a way that is not modelled.
	opaqueImage
)

// stockImages are the two values between which Istio's own templates choose.
var stockImages = []string{
	"{{ annotation .ObjectMeta `sidecar.istio.io/proxyImage` .Values.global.proxy.image }}",
	"{{ .ProxyImage }}",
}

var (
	containerShape = regexp.MustCompile(`(?m)^(\s*)-\s+name:\s*["']?` + proxy.ContainerName + `["']?\s*$`)
	// anyShape also finds the container where a template writes it in another order, or as JSON.
	anyShape  = regexp.MustCompile(`\bname["']?\s*:\s*["']?` + proxy.ContainerName + `\b`)
	imageLine = regexp.MustCompile(`^["']?image["']?\s*:\s*(.*)$`)
	// inlineImage finds an image on a line that starts with an action: `{{ if .X }}image: a{{ end }}`.
	inlineImage = regexp.MustCompile(`(?:^|[^\w.])image["']?\s*:`)
	// blockOpens and blockEnds count how many blocks are open around a line.
	blockOpens = regexp.MustCompile(`\{\{-?\s*(?:if|with|range|block|define)\b`)
	blockEnds  = regexp.MustCompile(`\{\{-?\s*end\b`)
)

// imageOfTemplate reads the `image:` lines of the istio-proxy container out of a template's text. Rendering the
// template would need all of istiod's functions and state; where the image depends on more than these lines tell, it
// is opaque, and nothing is claimed about it.
func imageOfTemplate(text string) templateImage {
	if len(anyShape.FindAllString(text, -1)) > len(containerShape.FindAllString(text, -1)) {
		return templateImage{kind: opaqueImage}
	}
	var r templateReader
	for line := range strings.Lines(text) {
		r.read(line)
	}
	image := classifyImages(r.images)
	// Istio's own choice between two images is a condition that is known; what any other depends on is not.
	if r.inline || r.conditional && image.kind != stockImage {
		return templateImage{kind: opaqueImage}
	}
	return image
}

// templateReader goes through a template line by line.
type templateReader struct {
	// inside is true within the istio-proxy container, whose list item is indented by indent; depth counts the blocks
	// that are open.
	inside        bool
	indent, depth int
	images        []string
	// conditional is true once an image stood in a block, inline once one stood on the line of an action.
	conditional, inline bool
}

func (r *templateReader) read(line string) {
	trimmed := strings.TrimSpace(line)
	r.depth += len(blockOpens.FindAllString(line, -1)) - len(blockEnds.FindAllString(line, -1))
	if m := containerShape.FindStringSubmatch(line); m != nil {
		r.inside, r.indent = true, len(m[1])
		return
	}
	switch {
	case !r.inside || trimmed == "":
	case strings.HasPrefix(trimmed, "{{"):
		// Actions are indented as their writer likes, so they say nothing about where the container ends.
		r.inline = r.inline || inlineImage.MatchString(trimmed)
	case len(line)-len(strings.TrimLeft(line, " ")) <= r.indent:
		r.inside = false
	default:
		if m := imageLine.FindStringSubmatch(trimmed); m != nil {
			r.images = append(r.images, scalar(m[1]))
			r.conditional = r.conditional || r.depth > 0
		}
	}
}

// scalar reads a value as YAML does: without its quotes, and without the comment behind it.
func scalar(text string) string {
	var value string
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return strings.Trim(text, `"'`)
	}
	return value
}

func classifyImages(images []string) templateImage {
	switch {
	case len(images) == 0:
		return templateImage{kind: noImage}
	case len(images) == 2 && images[0] == stockImages[0] && images[1] == stockImages[1]:
		return templateImage{kind: stockImage}
	case len(images) == 1 && images[0] == stockImages[1]:
		return templateImage{kind: computedImage}
	case len(images) == 1 && !strings.Contains(images[0], "{{"):
		return templateImage{kind: literalImage, literal: images[0]}
	default:
		return templateImage{kind: opaqueImage}
	}
}
