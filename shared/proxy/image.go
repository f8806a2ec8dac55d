// Package proxy knows Istio's data plane as it stands in pods: which container is the proxy, what image it
// runs, and how the versions of two images compare.
package proxy

import (
	"fmt"

	"github.com/distribution/reference"
)

// Image is a container image reference taken apart.
type Image struct {
	// Ref is the reference as it was written.
	Ref string
	// Repository is the image's name with its registry, as people write it (`istio/proxyv2`, not
	// `docker.io/istio/proxyv2`).
	Repository string
	// Tag is the part after the colon, empty where there is none.
	Tag string
	// Digest is the part after the "@", such as `sha256:...`, empty where there is none.
	Digest string

	canonical string
}

// ParseImage takes an image reference apart. The error names the reference and says what is wrong with it.
func ParseImage(ref string) (Image, error) {
	i := images.of(ref, func(ref string) parsedImage {
		image, err := parseImage(ref)
		return parsedImage{image, err}
	})
	return i.image, i.err
}

type parsedImage struct {
	image Image
	err   error
}

var images memo[parsedImage]

func parseImage(ref string) (Image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return Image{Ref: ref}, fmt.Errorf("image %q: %w", ref, err)
	}
	image := Image{Ref: ref, Repository: reference.FamiliarName(named), canonical: named.String()}
	if tagged, ok := named.(reference.Tagged); ok {
		image.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		image.Digest = digested.Digest().String()
	}
	return image, nil
}

// Same says whether two images are one reference, however it is spelt: `istio/proxyv2:1.22.0` is
// `docker.io/istio/proxyv2:1.22.0`. References that cannot be parsed are the same only when equal to the letter.
func (i Image) Same(other Image) bool {
	if i.canonical == "" || other.canonical == "" {
		return i.Ref == other.Ref
	}
	return i.canonical == other.canonical
}

// Version returns the version that the image's tag states. An image known only by its digest has none.
func (i Image) Version() Version { return ParseVersion(i.Tag) }
