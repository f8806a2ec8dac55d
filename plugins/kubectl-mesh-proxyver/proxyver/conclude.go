package proxyver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/offline"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// seen is what the scan met.
type seen struct {
	// shown counts the pods that are part of the answer, hidden those that have no proxy and need none, ended those that
	// are Completed or Failed.
	shown, hidden, ended int
	// proxies counts the pods that run one.
	proxies  int
	statuses map[v1alpha1.Status]int
	// dangling counts the hidden ones of which a label names nothing that exists.
	dangling int
	// unknown holds the first reasons why pods are unknown, each once, and moreUnknown counts the pods with others.
	unknown     []string
	moreUnknown int
	// gaps are what is known to be missing; a pod that is unknown because of one needs no words of its own. Quiet ones are
	// told only if there is such a pod.
	gaps, quiet []cluster.Gap
	// verification is what --verify asked, nil without it.
	verification *verification
}

// shownReasons is how many reasons stderr names.
const shownReasons = 10

func newSeen() *seen { return &seen{statuses: map[v1alpha1.Status]int{}} }

// take counts an item, and says whether it is part of the answer; all says whether --all was given.
func (s *seen) take(item scan.Item, all bool) bool {
	v := item.Verdict
	switch {
	case shows(item, all):
	case item.Pod.Terminal():
		s.ended++
		return false
	default:
		s.hidden++
		if v.Dangling {
			s.dangling++
		}
		return false
	}
	s.shown++
	s.statuses[v.Status]++
	if v.Proxy != nil {
		s.proxies++
	}
	if v.Status == v1alpha1.Unknown {
		s.takeReason(v.Reason)
	}
	return true
}

// takeReason keeps in mind why a pod is unknown.
func (s *seen) takeReason(reason string) {
	if i := slices.IndexFunc(s.quiet, explains(reason)); i >= 0 {
		s.gaps = append(s.gaps, s.quiet[i])
		s.quiet = slices.Delete(slices.Clone(s.quiet), i, i+1)
	}
	switch {
	case slices.ContainsFunc(s.gaps, explains(reason)) || slices.Contains(s.unknown, reason):
	case len(s.unknown) < shownReasons:
		s.unknown = append(s.unknown, reason)
	default:
		s.moreUnknown++
	}
}

// explains says of gaps whether they are why a pod is unknown.
func explains(reason string) func(cluster.Gap) bool {
	return func(g cluster.Gap) bool { return strings.Contains(reason, g.Error()) }
}

// sayEmpty says on stderr that there is nothing to show.
func (o *Options) sayEmpty(s *seen) {
	if s.shown > 0 {
		return
	}
	message := noResources(o.namespace)
	if s.hidden+s.ended > 0 {
		message += fmt.Sprintf(" Not shown without --all: pods with no proxy that need none: %d; pods that have ended: %d.",
			s.hidden, s.ended)
	}
	fmt.Fprintln(o.ErrOut, message)
}

// noResources is what kubectl says where there is nothing in a namespace, empty for all.
func noResources(namespace string) string {
	if namespace == "" {
		return "No resources found."
	}
	return fmt.Sprintf("No resources found in %s namespace.", namespace)
}

// sayDangling warns of pods that ask for a proxy and get none: the table hides them like all that need none.
func (o *Options) sayDangling(s *seen) {
	if s.dangling > 0 {
		fmt.Fprintf(o.ErrOut, "warning: not shown: pods without a proxy whose label asks for a revision or tag that does not exist: %d; "+
			"see them with --all -o wide\n", s.dangling)
	}
}

// sayExpired warns where not all pods were read at one moment.
func (o *Options) sayExpired(r scan.Result) {
	if r.Expired {
		fmt.Fprintln(o.ErrOut, "warning: the list of pods expired while it was read (410 Gone), so its later pods are from a later "+
			"moment; run the command again for one moment's view")
	}
}

// sayTaken says what is taken for granted of a dump.
func (o *Options) sayTaken(dump *offline.Cluster) {
	if dump == nil {
		return
	}
	for _, note := range dump.Notes {
		fmt.Fprintln(o.ErrOut, "note:", note)
	}
}

// conclude says what is missing from the answer, and turns the outcome into an exit code.
func (o *Options) conclude(s *seen, gaps []cluster.Gap) error {
	for _, gap := range gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	for _, reason := range s.unknown {
		if !slices.ContainsFunc(gaps, explains(reason)) {
			fmt.Fprintln(o.ErrOut, "warning: unknown:", printing.Escape(reason))
		}
	}
	if s.moreUnknown > 0 {
		fmt.Fprintf(o.ErrOut, "warning: unknown for other reasons: %d pods; see them with -o wide\n", s.moreUnknown)
	}
	if n := s.statuses[v1alpha1.Unknown]; n > 0 {
		return fmt.Errorf("the answer is incomplete: unknown: %d of %d pods", n, s.shown)
	}
	if len(gaps) > 0 && o.Filename != "" {
		return fmt.Errorf("the answer is incomplete: parts that the dump lacks: %d", len(gaps))
	}
	if len(gaps) > 0 {
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", len(gaps))
	}
	for _, status := range o.alarming {
		if s.statuses[status] > 0 {
			return &exit.Error{Code: exit.Findings}
		}
	}
	return nil
}
