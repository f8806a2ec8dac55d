// Package upgraderule says whether a control plane of one version may follow one of another, and why not.
package upgraderule

import (
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Way is how a control plane is replaced.
type Way int

// The ways in which a control plane is replaced.
const (
	// ByRevision: the new one is installed beside the old one.
	ByRevision Way = iota
	// InPlace: the new one is installed over the old one.
	InPlace
	// OnAKS: the add-on of Azure installs it beside the old one.
	OnAKS
)

// How many minor versions a step may have. Sources: istio.io/latest/docs/setup/upgrade/canary ("upgrading across two minor
// versions") and .../in-place ("upgrading across more than one minor version is not supported");
// learn.microsoft.com/azure/aks/istio-upgrade for the add-on.
const (
	upByRevision = 2
	upOtherwise  = 1
	down         = 1
)

// up returns how many minor versions at once one may go up.
func (w Way) up() int {
	if w == ByRevision {
		return upByRevision
	}
	return upOtherwise
}

// String names the way as it stands in a sentence.
func (w Way) String() string {
	switch w {
	case InPlace:
		return "in place"
	case OnAKS:
		return "on AKS"
	default:
		return "by revisions"
	}
}

// Verdict is what there is to say of a step.
type Verdict struct {
	Allowed bool
	// Unknown is true where a version is not known, so that nothing can be said. Nothing is allowed then.
	Unknown bool
	// Why says it in words: what kind of step it is, or why it is not allowed and what to do instead.
	Why string
}

// Judge says whether one may go from a version to another. Variants do not count, and neither do patches, pre-releases and
// vendors' builds of one minor version.
func Judge(from, to proxy.Version, way Way) Verdict {
	fromMajor, fromMinor, ok := from.Minor()
	if !ok {
		return unknown(from)
	}
	toMajor, toMinor, ok := to.Minor()
	if !ok {
		return unknown(to)
	}
	step := fmt.Sprintf("%s to %s", from, to)
	switch n := toMinor - fromMinor; {
	case fromMajor != toMajor:
		return Verdict{Why: step + " is another major version, of which no rule is known"}
	case n > way.up():
		return Verdict{Why: fmt.Sprintf("%s is %s up; %s it may be %s at most: go to %d.%d first",
			step, minors(n), way, count(way.up()), fromMajor, fromMinor+way.up())}
	case -n > down:
		return Verdict{Why: fmt.Sprintf("%s is %s down; it may be %s at most: go to %d.%d first",
			step, minors(-n), count(down), fromMajor, fromMinor-down)}
	case n > 0:
		return Verdict{Allowed: true, Why: step + " is " + minors(n) + " up"}
	case n < 0:
		return Verdict{Allowed: true, Why: step + " is " + minors(-n) + " down"}
	default:
		return Verdict{Allowed: true, Why: withinMinor(from, to, step)}
	}
}

// Reach returns, in words, the minor versions to which one may go from a version, such as "1.21, 1.23 or 1.24"; empty where it is unknown.
func Reach(from proxy.Version, way Way) string {
	major, minor, ok := from.Minor()
	if !ok {
		return ""
	}
	var reach []string
	for n := max(0, minor-down); n <= minor+way.up(); n++ {
		if n != minor {
			reach = append(reach, fmt.Sprintf("%d.%d", major, n))
		}
	}
	last := len(reach) - 1
	if last == 0 {
		return reach[0]
	}
	return strings.Join(reach[:last], ", ") + " or " + reach[last]
}

func unknown(v proxy.Version) Verdict {
	if v.Text == "" {
		return Verdict{Unknown: true, Why: "one of the two versions is unknown"}
	}
	return Verdict{Unknown: true, Why: fmt.Sprintf("%q is no version that can be compared", v.Text)}
}

// withinMinor says what a step between two releases of one minor version is.
func withinMinor(from, to proxy.Version, step string) string {
	switch order, comparable := from.Compare(to); {
	case !comparable:
		return step + " stays within the minor version"
	case order == 0:
		return "both are " + from.String()
	case order < 0:
		return step + " goes up within the minor version"
	default:
		return step + " goes down within the minor version"
	}
}

func minors(n int) string {
	if n == 1 {
		return "one minor version"
	}
	return count(n) + " minor versions"
}

func count(n int) string {
	words := []string{"none", "one", "two", "three", "four", "five"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}
