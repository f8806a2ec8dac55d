package process

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Group is the programs of one lab, in the order in which they were started. It is safe for concurrent use.
type Group struct {
	onDeath func(error)

	mu      sync.Mutex
	members []*member
}

type member struct {
	spec    Spec
	detail  Detail
	process *Process
}

// Detail is what a member's state shows beside its name.
type Detail struct {
	Port     int    `json:"port,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// State is one member as it is now. Problem is empty while it runs, "stopped" when it was asked to stop, and else
// how it ended with the end of its log.
type State struct {
	Name    string    `json:"name"`
	Pid     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Problem string    `json:"problem,omitempty"`
	Detail
}

// NewGroup returns an empty group. onDeath is called with the reason when a member ends without being asked to.
func NewGroup(onDeath func(error)) *Group { return &Group{onDeath: onDeath} }

// Start runs spec as a member; one of the same name is replaced, and must have ended. The error is Start's.
func (g *Group) Start(spec Spec, detail Detail) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.find(spec.Name)
	if m != nil && m.running() {
		return nil, fmt.Errorf("%s runs already", spec.Name)
	}
	p, err := Start(spec)
	if err != nil {
		return nil, err
	}
	if m == nil {
		m = &member{}
		g.members = append(g.members, m)
	}
	m.spec, m.detail, m.process = spec, detail, p
	go func() {
		<-p.Done()
		if err := p.Err(); err != nil {
			g.onDeath(err)
		}
	}()
	return p, nil
}

// Restart runs a member that has ended again, as it was run before. The error says that there is none of that name,
// or is Start's.
func (g *Group) Restart(name string) (*Process, error) {
	g.mu.Lock()
	m := g.find(name)
	if m == nil {
		g.mu.Unlock()
		return nil, fmt.Errorf("%s was never started", name)
	}
	spec, detail := m.spec, m.detail
	g.mu.Unlock()
	return g.Start(spec, detail)
}

// Stop stops one member and keeps it in the list. The error says that there is none of that name.
func (g *Group) Stop(name string, grace time.Duration) error {
	g.mu.Lock()
	m := g.find(name)
	if m == nil {
		g.mu.Unlock()
		return fmt.Errorf("%s was never started", name)
	}
	p := m.process
	g.mu.Unlock()
	p.Stop(grace)
	return nil
}

// Remove stops a member, if there is one of that name, and forgets it.
func (g *Group) Remove(name string) {
	_ = g.Stop(name, 0)
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, m := range g.members {
		if m.spec.Name == name {
			g.members = append(g.members[:i], g.members[i+1:]...)
			return
		}
	}
}

// StopAll asks every member to end, the last started first, and kills those that have not within the grace.
func (g *Group) StopAll(grace time.Duration) {
	var processes []*Process
	g.mu.Lock()
	for _, m := range slices.Backward(g.members) {
		processes = append(processes, m.process)
	}
	g.mu.Unlock()
	for _, p := range processes {
		p.Terminate()
	}
	deadline := time.After(grace)
	for _, p := range processes {
		select {
		case <-p.Done():
			continue
		case <-deadline:
		}
		for _, p := range processes {
			p.Kill()
		}
		return
	}
}

// States returns every member as it is now, in the order of their first start.
func (g *Group) States() []State {
	g.mu.Lock()
	defer g.mu.Unlock()
	states := make([]State, 0, len(g.members))
	for _, m := range g.members {
		s := State{Name: m.spec.Name, Pid: m.process.Pid(), Since: m.process.Started(), Detail: m.detail}
		if !m.running() {
			s.Problem = "stopped"
			if err := m.process.Err(); err != nil {
				s.Problem = err.Error()
			}
		}
		states = append(states, s)
	}
	return states
}

// Err returns the first member's Err that is not nil.
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if err := m.process.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) find(name string) *member {
	for _, m := range g.members {
		if m.spec.Name == name {
			return m
		}
	}
	return nil
}

func (m *member) running() bool {
	select {
	case <-m.process.Done():
		return false
	default:
		return true
	}
}
