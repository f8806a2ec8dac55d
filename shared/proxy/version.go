package proxy

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// variants are the flavours in which Istio publishes one version of an image. They are suffixes of the tag, not
// pre-releases. Source: KnownImageTypes in istio.io/istio/pkg/kube/inject.
var variants = []string{"distroless", "debug"}

// Version is the version that an image's tag states.
type Version struct {
	// Text is the tag without its variant: `1.22.0`, `1.18.2-asm.2`, or whatever a tag holds that is no version.
	Text string
	// Variant is `distroless` or `debug`, empty for the ordinary image.
	Variant string

	core   *semver.Version
	suffix suffix
}

// suffix is what follows the three numbers, classified by how it orders.
type suffix struct {
	text string
	kind suffixKind
	// stage orders alpha before beta before rc; number counts within the stage, or counts a vendor's builds.
	stage   int
	number  int
	ordered bool
}

type suffixKind int

const (
	// release has no suffix.
	release suffixKind = iota
	// preRelease precedes the release: alpha, beta, rc and dev.
	preRelease
	// vendorBuild counts upwards from the release: asm.N.
	vendorBuild
	// opaque is a vendor's suffix of unknown meaning: equal to itself, not comparable with anything else.
	opaque
)

var (
	stages          = map[string]int{"alpha": 1, "beta": 2, "rc": 3}
	preReleaseShape = regexp.MustCompile(`^(alpha|beta|rc|dev)(?:[.-]?(.+))?$`)
	vendorShape     = regexp.MustCompile(`^asm\.(\d+)$`)
)

// ParseVersion reads a tag. It never fails: a tag that is no version keeps its text and compares only with itself.
func ParseVersion(tag string) Version { return versions.of(tag, parseVersion) }

var versions memo[Version]

func parseVersion(tag string) Version {
	v := Version{Text: tag}
	for _, variant := range variants {
		if rest, ok := strings.CutSuffix(tag, "-"+variant); ok {
			v.Text, v.Variant = rest, variant
			break
		}
	}
	core, err := semver.NewVersion(v.Text)
	// A lone number is a date or a build, not a version.
	if err != nil || !strings.Contains(v.Text, ".") {
		return v
	}
	v.core = core
	v.suffix = classify(core.Prerelease())
	return v
}

func classify(text string) suffix {
	s := suffix{text: text, kind: opaque}
	if text == "" {
		s.kind = release
		return s
	}
	if m := vendorShape.FindStringSubmatch(text); m != nil {
		s.kind = vendorBuild
		s.number, s.ordered = atoi(m[1])
		return s
	}
	if m := preReleaseShape.FindStringSubmatch(text); m != nil {
		s.kind = preRelease
		s.stage = stages[m[1]]
		if m[2] == "" {
			s.ordered = true
		} else {
			s.number, s.ordered = atoi(m[2])
		}
	}
	return s
}

func atoi(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// String returns the version as a table shows it: without the variant.
func (v Version) String() string { return v.Text }

// Compare orders two versions: -1, 0 or +1 as v is lower than, the same as, or higher than other. The variant does
// not count. It returns false where the two differ and cannot be ordered: tags that are no versions, a vendor's
// suffix of unknown meaning, two builds that are told apart by a hash.
func (v Version) Compare(other Version) (int, bool) {
	if v.core == nil || other.core == nil {
		return 0, v.Text == other.Text && v.Text != ""
	}
	if c := numbers(v.core).Compare(numbers(other.core)); c != 0 {
		return c, true
	}
	return v.suffix.compare(other.suffix)
}

// Minor returns the first two numbers of a version, by which Istio says what may follow what. It returns false for a tag that
// is no version.
func (v Version) Minor() (major, minor int, ok bool) {
	if v.core == nil || v.core.Major() > math.MaxInt32 || v.core.Minor() > math.MaxInt32 {
		return 0, 0, false
	}
	return int(v.core.Major()), int(v.core.Minor()), true
}

// Order sorts versions for the eye: those that are none first, then by their numbers, pre-releases before the release and
// vendors' builds after it. Unlike Compare it puts any two into an order, and the same one each time.
func (v Version) Order(other Version) int {
	if v.core == nil || other.core == nil {
		return cmp.Or(compareBools(v.core != nil, other.core != nil), cmp.Compare(v.Text, other.Text))
	}
	a, b := v.suffix, other.suffix
	return cmp.Or(
		numbers(v.core).Compare(numbers(other.core)),
		cmp.Compare(a.kind.rank(), b.kind.rank()),
		cmp.Compare(a.stage, b.stage),
		cmp.Compare(a.number, b.number),
		cmp.Compare(v.Text, other.Text),
		cmp.Compare(v.Variant, other.Variant),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func numbers(v *semver.Version) *semver.Version {
	return semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
}

func (s suffix) compare(other suffix) (int, bool) {
	if s.text == other.text {
		return 0, true
	}
	if s.kind == opaque || other.kind == opaque {
		return 0, false
	}
	if s.kind != other.kind {
		return cmp.Compare(s.kind.rank(), other.kind.rank()), true
	}
	if s.kind == preRelease {
		// dev has no place among alpha, beta and rc.
		if s.stage == 0 || other.stage == 0 {
			return 0, false
		}
		if s.stage != other.stage {
			return cmp.Compare(s.stage, other.stage), true
		}
	}
	return cmp.Compare(s.number, other.number), s.ordered && other.ordered
}

// rank orders the kinds of one version.
func (k suffixKind) rank() int {
	switch k {
	case preRelease:
		return 0
	case release:
		return 1
	case vendorBuild:
		return 2
	default:
		return 3
	}
}
