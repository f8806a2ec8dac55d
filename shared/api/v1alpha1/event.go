package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ProxyEventKind is the kind of a ProxyEvent.
const ProxyEventKind = "ProxyEvent"

// EventType says what became of an item, in the words of Kubernetes' own watches.
type EventType string

// What can become of an item.
const (
	Added    EventType = "ADDED"
	Modified EventType = "MODIFIED"
	Deleted  EventType = "DELETED"
)

// ProxyEvent is one change that `--watch` met: what there is to say of a pod now or, once it is deleted, what there was.
type ProxyEvent struct {
	metav1.TypeMeta `json:",inline"`
	Type            EventType `json:"type"`
	Item            ProxyItem `json:"item"`
}

// NewProxyEvent returns an event.
func NewProxyEvent(t EventType, item ProxyItem) *ProxyEvent {
	return &ProxyEvent{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: ProxyEventKind}, Type: t, Item: item}
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Events are never changed once made.
func (e *ProxyEvent) DeepCopyObject() runtime.Object {
	c := *e
	return &c
}
