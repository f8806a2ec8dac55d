// Package dump reads what `kubectl get -o json` or `-o yaml` wrote, object by object, so that a cluster can be looked at
// offline. It holds one object at a time, whatever the size of the dump.
package dump

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Command makes a dump that has all that is read here, of a cluster that serves all these kinds.
const Command = "kubectl get mutatingwebhookconfigurations,namespaces,configmaps,services,proxyconfigs," +
	"gateways.gateway.networking.k8s.io,replicasets,deployments,daemonsets,statefulsets,replicationcontrollers,jobs,pods -A -o json"

// Read reads a dump and calls do for every object of the kinds that are read here (see the variables), in the order of the dump
// and while it is read: what comes after is not known yet. Objects are
//
//   - *corev1.Pod, with the metadata, containers' names, images and arguments, node, phase and conditions alone
//   - *admissionv1.MutatingWebhookConfiguration and *admissionv1.ValidatingWebhookConfiguration
//   - *corev1.ConfigMap, with its data; *corev1.Service
//   - *appsv1.DaemonSet, with the metadata, and of its template what is kept of a pod
//   - *istionetworking.ProxyConfig of istio.io/client-go/pkg/apis/networking/v1beta1
//   - *unstructured.Unstructured for the Gateways of gateway.networking.k8s.io, in any version
//   - *metav1.PartialObjectMetadata for the others
//
// each with its kind and version set, and without managed fields. Objects are checked as the API server would as far as
// they are kept: a label that is a number is an error, not text. An object that is there twice in the same state is handed
// over once.
//
// The dump is JSON or YAML, which its content tells: a List, typed lists such as a PodList, lists in lists, objects one
// after another or separated by `---`, in UTF-8 or UTF-16, also compressed with gzip.
//
// A dump that is cut off is read as far as it is whole; the result says so, and no error is returned. An error says that the
// input is no dump and what it looks like, or which object is malformed, larger than 64 MiB, or there in two states, and
// where. It is also what do or r returned. The result then says what was read before.
func Read(r io.Reader, do func(runtime.Object) error) (Contents, error) {
	d := &reader{do: do, contents: Contents{Objects: map[schema.GroupKind]int{}}, seen: map[identity]state{}}
	err := d.read(r)
	if errors.Is(err, errCut) {
		err = nil
	}
	return d.contents, err
}

// reader reads one dump.
type reader struct {
	do       func(runtime.Object) error
	in       *source
	contents Contents
	seen     map[identity]state
	// number counts the objects; last names the one that was read last.
	number int
	last   string
	// lists is true where there was any list: an empty one is a dump, too.
	lists bool
}

// errCut ends the reading of a dump that is cut off, after it was noted.
var errCut = errors.New("the dump is cut off")

func (d *reader) read(r io.Reader) error {
	text, err := decoded(r)
	if err != nil {
		return err
	}
	d.in = newSource(text)
	if what := unlike(d.in.peek(sniffed)); what != "" {
		return noDump(what)
	}
	if err := d.documents(); err != nil {
		return err
	}
	if err := d.in.failed(); err != nil {
		return d.stopped(err)
	}
	if d.number == 0 && !d.lists {
		return noDump("it is empty")
	}
	return nil
}

// noDump is the error for input that was never made by the command.
func noDump(what string) error {
	return fmt.Errorf("this is no dump of a cluster: %s; this makes one: %s", what, Command)
}

// documents goes through what stands one after another in the dump.
func (d *reader) documents() error {
	top := &list{}
	for {
		var err error
		switch d.in.nextDocument() {
		case atEnd:
			return nil
		case atJSON:
			err = d.json(top)
		case atYAML:
			err = d.yamlDocument(top)
		}
		if err != nil {
			return err
		}
	}
}

// json reads a JSON document, after which nothing else may stand in the line.
func (d *reader) json(top *list) error {
	if err := d.value(top); err != nil {
		return err
	}
	c, ok := d.in.skipBlanks()
	if ok && !strings.ContainsRune("\n{[", rune(c)) && !d.in.hasPrefix(byteOrderMark) && !d.in.hasPrefix(separator) {
		return fmt.Errorf("line %d: %w", d.in.lineAt(d.in.pos), unexpected(c, "the next object"))
	}
	return nil
}

// stopped is what becomes of an error of the input. Where compressed data ends early, the dump is cut off.
func (d *reader) stopped(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		if d.contents.Cut == "" {
			d.contents.Cut = "its data ends early" + d.after()
		}
		return errCut
	}
	if errors.Is(err, errTooLarge) {
		return d.failure(err)
	}
	return fmt.Errorf("reading the dump%s: %w", d.after(), err)
}

// after says what was read last: `, after pod shop/cart-1`.
func (d *reader) after() string {
	if d.last == "" {
		return ""
	}
	return ", after " + d.last
}

// beforeList is where a dump ends that has whole objects, but not the end of their list.
const beforeList = "before its list does"

// cutWithin notes that the dump is cut off in the next object.
func (d *reader) cutWithin() error {
	return d.cut(fmt.Sprintf("in the middle of object %d%s", d.number+1, d.after()))
}

func (d *reader) cut(where string) error {
	if d.contents.Cut == "" {
		d.contents.Cut = "it ends " + where
	}
	return errCut
}

// failure is an error about the object that is read now.
func (d *reader) failure(err error) error { return d.failureOf("", err) }

// failureOf says in the error which object it is about, and where that stands.
func (d *reader) failureOf(name string, err error) error {
	position := fmt.Sprintf("line %d", d.in.current())
	if name != "" {
		position = name + ", " + position
	}
	return fmt.Errorf("object %d of the dump (%s): %w", d.number+1, position, err)
}
