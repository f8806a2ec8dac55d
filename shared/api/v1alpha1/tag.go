package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The kinds of the objects that `mesh-canary tag` prints.
const (
	TagListKind   = "TagList"
	TagChangeKind = "TagChange"
)

// TagState says whether a tag is whole.
type TagState string

// The states of a tag. Where several fit, the first of this order holds.
const (
	// TagConflicting: its objects claim different revisions, so that control planes fight over Gateways.
	TagConflicting TagState = "conflicting"
	// TagDangling: it stands for a revision that is not installed. No pod that follows it can be created.
	TagDangling TagState = "dangling"
	// TagHalf: its webhook configuration is missing, so that it injects nothing.
	TagHalf TagState = "half"
	// TagWhole: nothing is wrong with it.
	TagWhole TagState = "whole"
)

// TagStates lists every state.
func TagStates() []TagState { return []TagState{TagConflicting, TagDangling, TagHalf, TagWhole} }

// TagAction is what becomes of a tag.
type TagAction string

// What can become of a tag.
const (
	TagCreate TagAction = "create"
	TagMove   TagAction = "move"
	// TagRepair: it stands for the revision already, but something of it is missing or differs.
	TagRepair TagAction = "repair"
	TagRemove TagAction = "remove"
	// TagKeep: it is as it should be.
	TagKeep TagAction = "keep"
)

// TagActions lists every action.
func TagActions() []TagAction {
	return []TagAction{TagCreate, TagMove, TagRepair, TagRemove, TagKeep}
}

// TagList says of every revision tag what it stands for and who follows it.
type TagList struct {
	metav1.TypeMeta `json:",inline"`
	Items           []TagItem `json:"items"`
}

// TagItem is one tag.
type TagItem struct {
	Tag string `json:"tag"`
	// IstioNamespace tells the meshes of a cluster apart.
	IstioNamespace string `json:"istioNamespace"`
	// Revision is the one that injects, or, where the tag is a Service alone, that manages Gateways.
	Revision string   `json:"revision"`
	State    TagState `json:"state"`
	// Reason says in words what is wrong, or what is missing.
	Reason   string     `json:"reason,omitempty"`
	Webhooks []TagClaim `json:"webhooks"`
	Services []TagClaim `json:"services"`
	// Validator is the revision that validates what carries none, for the tag default alone.
	Validator string       `json:"validator,omitempty"`
	Followers TagFollowers `json:"followers"`
}

// TagClaim is an object that says which revision a tag stands for.
type TagClaim struct {
	Name     string `json:"name"`
	Revision string `json:"revision"`
}

// TagFollowers are those who follow a tag.
type TagFollowers struct {
	// ByLabel are namespaces with the label istio.io/rev, ByInjection those with istio-injection=enabled or no label at all,
	// ByPod those in which only pods' own labels lead to the tag.
	ByLabel     []string `json:"byLabel"`
	ByInjection []string `json:"byInjection"`
	ByPod       []string `json:"byPod"`
	// Pods would be injected by way of the tag if they were created now.
	Pods int `json:"pods"`
	// Gateways are those that istiod manages, as NAMESPACE/NAME.
	Gateways []string `json:"gateways"`
}

// TagChange says what becomes of a tag, and what that changes.
type TagChange struct {
	metav1.TypeMeta `json:",inline"`
	Tag             string    `json:"tag"`
	IstioNamespace  string    `json:"istioNamespace"`
	Action          TagAction `json:"action"`
	// From and To are revisions, absent where there is no tag.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Done is true once everything is written.
	Done   bool       `json:"done"`
	Writes []TagWrite `json:"writes"`
	// Namespaces are those in which another revision injects from then on, or none; Uninjected are those in which none does.
	// Pods are moved by their next restart, and Lost are those of them that it leaves without a proxy. Gateways, as
	// NAMESPACE/NAME, are rolled out anew at once.
	Namespaces []string `json:"namespaces"`
	Uninjected []string `json:"uninjected"`
	Pods       int      `json:"pods"`
	Lost       int      `json:"lost"`
	Gateways   []string `json:"gateways"`
}

// TagWrite is one change of one object.
type TagWrite struct {
	Verb      string `json:"verb"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Reason says in words what it is for.
	Reason string `json:"reason"`
}

// NewTagList returns a list of the items.
func NewTagList(items []TagItem) *TagList {
	if items == nil {
		items = []TagItem{}
	}
	return &TagList{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: TagListKind}, Items: items}
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Lists are never changed once made.
func (l *TagList) DeepCopyObject() runtime.Object {
	c := *l
	return &c
}

// DeepCopyObject returns a copy that shares nothing that printing changes. Changes are never changed once made.
func (c *TagChange) DeepCopyObject() runtime.Object {
	d := *c
	return &d
}
