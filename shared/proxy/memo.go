package proxy

import "sync"

// memo keeps what a pure function makes of texts that thousands of pods share: a mesh runs few images. It is emptied when
// it has grown large.
type memo[V any] struct {
	mutex  sync.Mutex
	values map[string]V
}

const (
	maxRemembered = 1024
	maxText       = 4096
)

func (m *memo[V]) of(text string, compute func(string) V) V {
	if len(text) > maxText {
		return compute(text)
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if v, ok := m.values[text]; ok {
		return v
	}
	v := compute(text)
	if m.values == nil || len(m.values) >= maxRemembered {
		m.values = map[string]V{}
	}
	m.values[text] = v
	return v
}
