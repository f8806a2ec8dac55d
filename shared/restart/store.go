package restart

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// store holds what the watches have brought. It belongs to the run's one goroutine.
type store struct {
	workloads map[podtemplate.Workload]*rollout.Workload
	pods      map[types.UID]rollout.Pod
	sets      map[types.UID]rollout.Set
	// podsOf and setsOf are the UIDs of what each object controls.
	podsOf, setsOf map[types.UID]map[types.UID]bool
	// bare holds the pods that nothing controls, by name.
	bare map[string]types.UID
	// said holds the last warning that there was about a pod.
	said map[types.UID]string
}

func newStore() *store {
	return &store{
		workloads: map[podtemplate.Workload]*rollout.Workload{}, pods: map[types.UID]rollout.Pod{}, sets: map[types.UID]rollout.Set{},
		podsOf: map[types.UID]map[types.UID]bool{}, setsOf: map[types.UID]map[types.UID]bool{}, bare: map[string]types.UID{},
		said: map[types.UID]string{},
	}
}

// putWorkload takes over a workload, unless a later one is known: the answer to a request may be ahead of the
// watch, or behind it.
func (s *store) putWorkload(w *rollout.Workload) {
	key := keyOf(w)
	if known := s.workloads[key]; known != nil && known.UID == w.UID && newer(known, w) {
		return
	}
	s.workloads[key] = w
}

// answer takes over a workload that a request has returned, nil for none. One that a watch has told to be gone stays so.
func (s *store) answer(w *rollout.Workload) {
	if w != nil && s.workloads[keyOf(w)] != nil {
		s.putWorkload(w)
	}
}

// newer says whether one reading of an object is of a later moment than another.
func newer(a, b *rollout.Workload) bool {
	if a.Generation != b.Generation {
		return a.Generation > b.Generation
	}
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order > 0
}

func (s *store) putPod(p rollout.Pod) {
	s.pods[p.UID] = p
	if p.Controller == nil {
		s.bare[p.Namespace+"/"+p.Name] = p.UID
		return
	}
	link(s.podsOf, p.Controller.UID, p.UID)
}

func (s *store) dropPod(uid types.UID) {
	p, ok := s.pods[uid]
	if !ok {
		return
	}
	delete(s.pods, uid)
	delete(s.said, uid)
	if p.Controller != nil {
		delete(s.podsOf[p.Controller.UID], uid)
	} else if s.bare[p.Namespace+"/"+p.Name] == uid {
		delete(s.bare, p.Namespace+"/"+p.Name)
	}
}

func (s *store) putSet(set rollout.Set) {
	s.sets[set.UID] = set
	link(s.setsOf, set.Owner, set.UID)
}

// dropSet forgets a version of a template. Its pods may still be there, and nobody's; whoever is left counts them.
func (s *store) dropSet(uid types.UID) {
	if set, ok := s.sets[uid]; ok {
		delete(s.sets, uid)
		delete(s.setsOf[set.Owner], uid)
	}
}

func link(of map[types.UID]map[types.UID]bool, owner, uid types.UID) {
	if of[owner] == nil {
		of[owner] = map[types.UID]bool{}
	}
	of[owner][uid] = true
}

// state returns what is known of the object of that UID and of what it controls, directly or through its ReplicaSets.
func (s *store) state(key podtemplate.Workload, uid types.UID) rollout.State {
	var state rollout.State
	if w := s.workloads[key]; w != nil && w.UID == uid {
		state.Workload = w
	}
	s.addPods(&state, uid)
	for set := range s.setsOf[uid] {
		state.Sets = append(state.Sets, s.sets[set])
		s.addPods(&state, set)
	}
	return state
}

func (s *store) addPods(state *rollout.State, owner types.UID) {
	for uid := range s.podsOf[owner] {
		p := s.pods[uid]
		// In a pod's first moments there are warnings that mean nothing.
		if !p.Ready && p.Trouble.Text == "" && time.Since(p.Created) > usual {
			p.Trouble.Text = s.said[uid]
		}
		state.Pods = append(state.Pods, p)
	}
}

// ownerOf returns the UID of what a pod's controller belongs to: the Deployment of its ReplicaSet, or the controller itself.
func (s *store) ownerOf(p rollout.Pod) types.UID {
	if p.Controller == nil {
		return p.UID
	}
	if set, ok := s.sets[p.Controller.UID]; ok {
		return set.Owner
	}
	return p.Controller.UID
}
