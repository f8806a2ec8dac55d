package restart

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// operation is one of a JSON patch. Source: RFC 6902.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patch is a JSON patch. Its tests come first: a server that finds one of them false changes nothing.
type patch []operation

func (p patch) bytes() ([]byte, error) { return json.Marshal(p) }

// key escapes a key for a path.
func key(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

const (
	objectLabels        = "/metadata/labels"
	objectAnnotations   = "/metadata/annotations"
	templateAnnotations = "/spec/template/metadata/annotations"
)

// unedited is the test that nobody has changed the spec since it was read.
func unedited(w *rollout.Workload) patch {
	return patch{{Op: "test", Path: "/metadata/generation", Value: w.Generation}}
}

// unchanged is the test that nobody has changed anything since it was read.
func unchanged(w *rollout.Workload) patch {
	return patch{{Op: "test", Path: "/metadata/resourceVersion", Value: w.ResourceVersion}}
}

// surged also gives a Deployment of one replica a second one, and notes in the same patch what it had.
func (p patch) surged(w *rollout.Workload) patch {
	p = p.annotated(w, map[string]string{rollout.RestoreReplicas: strconv.Itoa(w.Replicas)})
	if w.Labels == nil {
		p = append(unchanged(w), append(p, operation{Op: "add", Path: objectLabels, Value: map[string]string{}})...)
	}
	return append(p,
		operation{Op: "add", Path: objectLabels + key(rollout.SurgedLabel), Value: "true"},
		operation{Op: "replace", Path: "/spec/replicas", Value: surgeReplicas})
}

// surgeReplicas is how many replicas a Deployment of one has meanwhile.
const surgeReplicas = 2

// annotated sets annotations of the object itself, in the order of their names. Where it has none yet, the patch tests that
// nobody has given it any in between.
func (p patch) annotated(w *rollout.Workload, values map[string]string) patch {
	if w.Annotations == nil {
		p = append(unchanged(w), p...)
		p = append(p, operation{Op: "add", Path: objectAnnotations, Value: map[string]string{}})
	}
	for _, name := range sortedKeys(values) {
		p = append(p, operation{Op: "add", Path: objectAnnotations + key(name), Value: values[name]})
	}
	return p
}

// byRestart is the patch of `kubectl rollout restart`.
func byRestart(w *rollout.Workload, now time.Time) patch {
	p := unedited(w)
	if !w.TemplateAnnotated {
		p = append(p, operation{Op: "add", Path: templateAnnotations, Value: map[string]string{}})
	}
	return append(p, operation{Op: "add", Path: templateAnnotations + key(rollout.RestartedAt), Value: now.Format(time.RFC3339)})
}

// byGracePeriod changes the template's grace period, and keeps outside the template what the owner has set.
func byGracePeriod(w *rollout.Workload, g v1alpha1.GracePeriod) patch {
	p := append(unedited(w), operation{Op: "add", Path: "/spec/template/spec/terminationGracePeriodSeconds", Value: g.Set})
	return p.annotated(w, map[string]string{
		rollout.OwnGracePeriod: strconv.FormatInt(g.Own, 10), rollout.SetGracePeriod: strconv.FormatInt(g.Set, 10),
	})
}

// byRestartAt has an Argo Rollout restart every pod that there is by now: it compares with whole seconds.
func byRestartAt(w *rollout.Workload, now time.Time) patch {
	return append(unedited(w), operation{Op: "add", Path: "/spec/restartAt", Value: upToSecond(now).UTC().Format(time.RFC3339)})
}

func upToSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

// putBack gives a Deployment back the replicas that it had, if it still has those that it was given; where somebody has
// changed them, theirs stay, and only the mark and the note of them go.
func putBack(w *rollout.Workload) patch {
	mark, note := objectLabels+key(rollout.SurgedLabel), objectAnnotations+key(rollout.RestoreReplicas)
	p := patch{{Op: "test", Path: mark, Value: w.Labels[rollout.SurgedLabel]}}
	if own, is := w.Surged(); is && w.Replicas == surgeReplicas {
		p = append(p,
			operation{Op: "test", Path: "/spec/replicas", Value: surgeReplicas},
			operation{Op: "replace", Path: "/spec/replicas", Value: own})
	}
	if _, noted := w.Annotations[rollout.RestoreReplicas]; noted {
		p = append(p, operation{Op: "remove", Path: note})
	}
	return append(p, operation{Op: "remove", Path: mark})
}
