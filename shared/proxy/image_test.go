package proxy

import (
	"strings"
	"testing"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestAnImageIsTakenApart(t *testing.T) {
	for _, c := range []struct{ rule, ref, repository, tag, digest string }{
		{"a short name", "istio/proxyv2:1.22.0", "istio/proxyv2", "1.22.0", ""},
		{"Docker's registry is not part of the name", "docker.io/istio/proxyv2:1.22.0", "istio/proxyv2", "1.22.0", ""},
		{"an official image", "docker.io/library/proxyv2:1", "proxyv2", "1", ""},
		{"another registry is", "gcr.io/istio-release/proxyv2:1.22.0", "gcr.io/istio-release/proxyv2", "1.22.0", ""},
		{"the port of a hub is no tag", "registry.example.com:5000/istio/proxyv2", "registry.example.com:5000/istio/proxyv2", "", ""},
		{"a port and a tag", "registry.example.com:5000/istio/proxyv2:1.22.0", "registry.example.com:5000/istio/proxyv2", "1.22.0", ""},
		{"a digest alone", "istio/proxyv2@" + digestA, "istio/proxyv2", "", digestA},
		{"a tag and a digest", "istio/proxyv2:1.22.0@" + digestA, "istio/proxyv2", "1.22.0", digestA},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := ParseImage(c.ref)
			if err != nil {
				t.Fatal(err)
			}
			if got.Ref != c.ref || got.Repository != c.repository || got.Tag != c.tag || got.Digest != c.digest {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheErrorNamesTheImageThatIsNoReference(t *testing.T) {
	for _, ref := range []string{"", "istio/ProxyV2:1", "istio/proxyv2:", "istio/proxyv2@sha256:short", "a b", "auto:\x1b"} {
		t.Run(ref, func(t *testing.T) {
			got, err := ParseImage(ref)
			if err == nil || !strings.HasPrefix(err.Error(), "image ") {
				t.Errorf("error %v", err)
			}
			if got.Ref != ref || got.Version().Text != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestImagesAreTheSame(t *testing.T) {
	for _, c := range []struct {
		rule, a, b string
		same       bool
	}{
		{"equal to the letter", "istio/proxyv2:1", "istio/proxyv2:1", true},
		{"whether Docker's registry is spelt out or not", "istio/proxyv2:1", "docker.io/istio/proxyv2:1", true},
		{"by Docker's older name too", "istio/proxyv2:1", "index.docker.io/istio/proxyv2:1", true},
		{"not with another registry", "istio/proxyv2:1", "gcr.io/istio/proxyv2:1", false},
		{"not with another tag", "istio/proxyv2:1", "istio/proxyv2:2", false},
		{"not with another variant", "istio/proxyv2:1", "istio/proxyv2:1-distroless", false},
		{"not with another digest", "istio/proxyv2:1@" + digestA, "istio/proxyv2:1@" + digestB, false},
		{"not when only one has a digest", "istio/proxyv2:1", "istio/proxyv2:1@" + digestA, false},
		{"when no references, to the letter", "a/NAME", "a/NAME", true},
		{"when no references, not otherwise", "a/NAME", "a/OTHER", false},
		{"not when only one is a reference", "a/NAME", "istio/proxyv2:1", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a, _ := ParseImage(c.a)
			b, _ := ParseImage(c.b)
			if a.Same(b) != c.same || b.Same(a) != c.same {
				t.Errorf("%s and %s: %v, %v; want %v", c.a, c.b, a.Same(b), b.Same(a), c.same)
			}
		})
	}
}

func FuzzParseImage(f *testing.F) {
	for _, ref := range []string{
		"", "istio/proxyv2:1.22.0", "docker.io/istio/proxyv2:1.22.0-distroless", "registry.example.com:5000/istio/proxyv2",
		"istio/proxyv2:1.22.0@" + digestA, "[::1]:5000/x:y", "auto", "a/NAME", ":", "@", "a/b/c:d@e:f",
	} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		image, err := ParseImage(ref)
		if image.Ref != ref {
			t.Errorf("the reference became %q", image.Ref)
		}
		if !image.Same(image) {
			t.Error("an image is not the same as itself")
		}
		if err == nil && image.Repository == "" {
			t.Errorf("%q has no repository: %+v", ref, image)
		}
		if image.Tag == "" && image.Version().Text != "" {
			t.Errorf("a version %q without a tag", image.Version().Text)
		}
	})
}
