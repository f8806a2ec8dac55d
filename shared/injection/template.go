package injection

import (
	"regexp"
	"strings"

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
	anyShape = regexp.MustCompile(`\bname["']?\s*:\s*["']?` + proxy.ContainerName + `\b`)
)

// imageOfTemplate reads the `image:` lines of the istio-proxy container out of a template's text. Rendering the
// template would need all of istiod's functions and state; where the image depends on more than these lines tell, it
// is opaque, and nothing is claimed about it.
func imageOfTemplate(text string) templateImage {
	if len(anyShape.FindAllString(text, -1)) > len(containerShape.FindAllString(text, -1)) {
		return templateImage{kind: opaqueImage}
	}
	var images []string
	inside, indent := false, 0
	for _, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if m := containerShape.FindStringSubmatch(line); m != nil {
			inside, indent = true, len(m[1])
			continue
		}
		if !inside || trimmed == "" || strings.HasPrefix(trimmed, "{{") {
			continue
		}
		if len(line)-len(strings.TrimLeft(line, " ")) <= indent {
			inside = false
			continue
		}
		if value, ok := strings.CutPrefix(trimmed, "image:"); ok {
			images = append(images, strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
	return classifyImages(images)
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
