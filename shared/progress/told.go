package progress

import (
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// told remembers what each workload was said to wait for, so that nothing is said twice of it.
type told map[string]map[string]bool

func newTold() told { return told{} }

// line returns an event as a line, empty where there is nothing new to say.
func (t told) line(e restart.Event) string {
	switch e.Kind {
	case restart.WorkloadChanged:
		if !t.first(restarttext.Name(e.Item), e.Progress.Stuck) {
			return ""
		}
	case restart.WorkloadEnded:
		delete(t, restarttext.Name(&e.Result.RestartItem))
	}
	return sentence(e, palette{})
}

// first remembers what a workload is said to wait for. It returns false where that was said before, or is nothing.
func (t told) first(name, stuck string) bool {
	if stuck == "" || t[name][stuck] {
		return false
	}
	if t[name] == nil {
		t[name] = map[string]bool{}
	}
	t[name][stuck] = true
	return true
}
