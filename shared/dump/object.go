package dump

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
)

// identity tells the objects of a cluster apart.
type identity struct {
	kind            schema.GroupKind
	namespace, name string
}

func (i identity) String() string {
	return strings.ToLower(i.kind.Kind) + " " + strings.TrimPrefix(i.namespace+"/"+i.name, "/")
}

// state tells whether two objects of one name are the same.
type state struct {
	number int
	// version is the UID and the resource version, where there is one.
	version string
	content uint64
}

func (s state) equals(other state) bool {
	return s.version != "" && s.version == other.version || s.content == other.content
}

var seed = maphash.MakeSeed()

// object takes an object out of a list; raw is its JSON.
func (d *reader) object(own head, raw []byte, in *list) error {
	h := own
	if h.kind == "" {
		h = in.head.items()
	}
	if h.apiVersion == "" {
		h.apiVersion = in.head.apiVersion
	}
	switch {
	case h.kind == "" && in.open():
		d.number++
		return in.hold(raw, d.number, d.in.current())
	case h.kind == "":
		return d.noObject("it has no kind")
	case h.apiVersion == "":
		return d.noObject("it has no apiVersion")
	}
	kind := h.groupKind()
	if err := d.refuse(kind, raw); err != nil {
		return err
	}
	if r, ok := readings[kind]; ok {
		return d.readObject(r, h, kind, raw)
	}
	d.count(named(kind, raw))
	return nil
}

// refuse returns an error for what kubectl and its kin write in the place of objects.
func (d *reader) refuse(kind schema.GroupKind, raw []byte) error {
	switch kind {
	case schema.GroupKind{Kind: "Config"}:
		return noDump("it is a kubeconfig")
	case schema.GroupKind{Kind: "Status"}:
		var status metav1.Status
		if err := json.Unmarshal(raw, &status); err == nil && status.Message != "" {
			return d.failure(fmt.Errorf("it is an error of the API server: %q", status.Message))
		}
	}
	return nil
}

// noObject is the error for something that is not a Kubernetes object. Where it is the first of the input, so is the
// input.
func (d *reader) noObject(why string) error {
	if d.number == 0 {
		return noDump(fmt.Sprintf("what begins in line %d is not a Kubernetes object, %s", d.in.current(), why))
	}
	return d.failure(errors.New("it is not a Kubernetes object, " + why))
}

// readObject hands over an object of a kind that is read.
func (d *reader) readObject(r reading, h head, kind schema.GroupKind, raw []byte) error {
	kept, err := prune(nil, raw, r.keep)
	if err != nil {
		return d.failure(err)
	}
	object, err := r.read(h, kept)
	if err != nil {
		return d.failureOf(named(kind, raw).String(), err)
	}
	id := identity{kind, object.GetNamespace(), object.GetName()}
	switch {
	case id.name == "":
		return d.failureOf(id.String(), errors.New("it has no name, so it is not from a cluster"))
	case r.namespaced && id.namespace == "":
		return d.failureOf(id.String(), errors.New("it has no namespace, so it is not from a cluster"))
	}
	repeated, err := d.repeats(id, state{d.number + 1, version(object), maphash.Bytes(seed, kept)})
	if err != nil || repeated {
		return err
	}
	d.count(id)
	return d.do(object)
}

func (d *reader) count(id identity) {
	d.number++
	d.contents.Objects[id.kind]++
	d.last = id.String()
}

// repeats says whether the object was there before, and returns an error where it was in another state then: such a
// dump is of two clusters, or of two moments, and no answer would hold for either.
func (d *reader) repeats(id identity, now state) (bool, error) {
	before, ok := d.seen[id]
	if !ok {
		d.seen[id] = now
		return false, nil
	}
	if !before.equals(now) {
		return false, d.failureOf(id.String(), fmt.Errorf("object %d is the same in another state, "+
			"so the dump mixes two clusters or two moments; make it with one command", before.number))
	}
	d.number++
	d.contents.Repeated++
	return true, nil
}

func version(object metav1.Object) string {
	if object.GetResourceVersion() == "" {
		return ""
	}
	return string(object.GetUID()) + "/" + object.GetResourceVersion()
}

// named returns which object it is, as far as the object tells.
func named(kind schema.GroupKind, raw []byte) identity {
	id := identity{kind: kind}
	kept, err := prune(nil, raw, nameOnly)
	if err != nil {
		return id
	}
	var meta metav1.PartialObjectMetadata
	// An object that is not read may look any way; of one that is, reading says what is wrong.
	_ = json.Unmarshal(kept, &meta)
	id.namespace, id.name = meta.Namespace, meta.Name
	return id
}

// partial notes that more pages of a kind's list follow.
func (c *Contents) partial(kind schema.GroupKind) {
	if !slices.Contains(c.Partial, kind) {
		c.Partial = append(c.Partial, kind)
	}
}
