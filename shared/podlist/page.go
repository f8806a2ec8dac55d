package podlist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// magic starts every object in Kubernetes' protobuf encoding. Source:
// k8s.io/apimachinery/pkg/runtime/serializer/protobuf.
var magic = []byte("k8s\x00")

// Fields of the messages around the pods. Source: generated.proto of k8s.io/apimachinery/pkg/runtime,
// k8s.io/apimachinery/pkg/apis/meta/v1 and k8s.io/api/core/v1.
const (
	unknownTypeMeta = 1
	unknownRaw      = 2

	typeMetaKind = 2

	listMetadata = 1
	listItems    = 2

	listMetaResourceVersion = 2
	listMetaContinue        = 3
)

// maxMessage bounds what one pod may take. etcd stores nothing larger than a few megabytes, so a length beyond this is a
// stream that is out of step.
const maxMessage = 64 << 20

const readBuffer = 64 << 10

// header is what a page says of itself.
type header struct {
	// token is that by which the next page is asked for, empty on the last.
	token           string
	resourceVersion string
}

// errCut says that a page ends early.
var errCut = fmt.Errorf("the connection was cut: %w", io.ErrUnexpectedEOF)

// podListKind is the kind of a page.
const podListKind = "PodList"

// malformedError says that what was sent is no list of pods. Sending it again would not help.
type malformedError struct{ err error }

func (e malformedError) Error() string { return "malformed list: " + e.err.Error() }
func (e malformedError) Unwrap() error { return e.err }

func malformed(format string, args ...any) error { return malformedError{fmt.Errorf(format, args...)} }

// readPage reads one page. begin is called once, before the first pod; do for every pod, in order. The error is that of a
// callback, a malformedError, or the reader's: io.ErrUnexpectedEOF where the page ends early.
func readPage(r io.Reader, d *decoder, begin func(header) error, do func(proxy.Pod) error) error {
	p := &page{in: bufio.NewReaderSize(r, readBuffer), decoder: d, begin: begin, do: do}
	err := p.read()
	var bad malformedError
	switch {
	case errors.As(err, &bad):
		return err
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	default:
		return err
	}
}

type page struct {
	in      *bufio.Reader
	decoder *decoder
	begin   func(header) error
	do      func(proxy.Pod) error
	begun   bool
	// left is how much of the list is still to come, known is false while that is not bounded.
	left   int64
	buffer []byte
}

func (p *page) read() error {
	start, err := p.in.Peek(len(magic))
	switch {
	case bytes.Equal(start, magic):
		return p.readProtobuf()
	case len(start) > 0 && start[0] == '{':
		return p.readJSON()
	case err != nil && bytes.HasPrefix(magic, start):
		return err
	default:
		return malformed("it is neither in Kubernetes' protobuf encoding nor JSON, but starts with %q", start)
	}
}

// readJSON reads a page of a server that does not speak protobuf, as a proxy in between may be.
func (p *page) readJSON() error {
	var list corev1.PodList
	if err := json.NewDecoder(p.in).Decode(&list); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &kind) {
			return malformed("%w", err)
		}
		return err
	}
	if list.Kind != podListKind {
		return malformed("it is a %q", list.Kind)
	}
	if err := p.begin(header{token: list.Continue, resourceVersion: list.ResourceVersion}); err != nil {
		return err
	}
	for i := range list.Items {
		if err := p.do(proxy.FromPod(&list.Items[i])); err != nil {
			return err
		}
	}
	return nil
}

// readProtobuf reads the envelope, which has the list within.
func (p *page) readProtobuf() error {
	if _, err := p.in.Discard(len(magic)); err != nil {
		return err
	}
	kind := ""
	for {
		field, err := p.field()
		if err != nil {
			return err
		}
		if field == unknownRaw {
			break
		}
		p.left = maxMessage
		message, err := p.message()
		if err != nil {
			return err
		}
		if field == unknownTypeMeta {
			if kind, err = decodeKind(message); err != nil {
				return malformed("its type: %w", err)
			}
		}
	}
	if kind != podListKind {
		return malformed("it is a %q", kind)
	}
	length, err := p.varint()
	if err != nil {
		return err
	}
	return p.readList(int64(length))
}

func decodeKind(message []byte) (string, error) {
	kind := ""
	err := fields(message, func(field protowire.Number, v value) error {
		if field == typeMetaKind {
			kind = string(v.bytes)
		}
		return nil
	})
	return kind, err
}

func (p *page) readList(length int64) error {
	p.left = length
	for p.left > 0 {
		field, err := p.field()
		if err != nil {
			return err
		}
		message, err := p.message()
		if err != nil {
			return err
		}
		if err := p.item(field, message); err != nil {
			return err
		}
	}
	if p.left < 0 {
		return malformed("its last pod is longer than the list")
	}
	// A list whose metadata is empty has none.
	if err := p.beginOnce(header{}); err != nil {
		return err
	}
	// The connection can only be used again when the body has been read to its end.
	_, err := io.Copy(io.Discard, p.in)
	return err
}

func (p *page) item(field protowire.Number, message []byte) error {
	switch field {
	case listMetadata:
		// With what it says, pods that come first were handed on already.
		if p.begun {
			return malformed("its metadata come after its pods")
		}
		h, err := decodeHeader(message)
		if err != nil {
			return malformed("its metadata: %w", err)
		}
		return p.beginOnce(h)
	case listItems:
		if err := p.beginOnce(header{}); err != nil {
			return err
		}
		pod, err := p.decoder.decode(message)
		if err != nil {
			return malformed("pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		return p.do(proxy.FromPod(pod))
	default:
		return nil
	}
}

func (p *page) beginOnce(h header) error {
	if p.begun {
		return nil
	}
	p.begun = true
	return p.begin(h)
}

func decodeHeader(message []byte) (header, error) {
	var h header
	err := fields(message, func(field protowire.Number, v value) error {
		switch field {
		case listMetaResourceVersion:
			h.resourceVersion = string(v.bytes)
		case listMetaContinue:
			h.token = string(v.bytes)
		}
		return nil
	})
	return h, err
}

// field reads the number of the next field, which has to hold a message or a string.
func (p *page) field() (protowire.Number, error) {
	v, err := p.varint()
	if err != nil {
		return 0, err
	}
	field, kind := protowire.DecodeTag(v)
	if field < protowire.MinValidNumber || kind != protowire.BytesType {
		return 0, malformed("field %d has wire type %d", field, kind)
	}
	return field, nil
}

// varint reads a number, at most ten bytes long.
func (p *page) varint() (uint64, error) {
	var raw [10]byte
	for i := range raw {
		b, err := p.in.ReadByte()
		if err != nil {
			return 0, err
		}
		p.left--
		raw[i] = b
		if b < 0x80 {
			v, n := protowire.ConsumeVarint(raw[:i+1])
			if n < 0 {
				return 0, malformed("%w", protowire.ParseError(n))
			}
			return v, nil
		}
	}
	return 0, malformed("a number is too long")
}

// message reads a message. It is valid until the next is read.
func (p *page) message() ([]byte, error) {
	length, err := p.varint()
	if err != nil {
		return nil, err
	}
	if length > maxMessage || int64(length) > p.left {
		return nil, malformed("a message of %d bytes does not fit the list", length)
	}
	p.left -= int64(length)
	// Most pods fit the reader's buffer, and need not be copied out of it.
	if int(length) <= p.in.Size() {
		return p.peeked(int(length))
	}
	if uint64(cap(p.buffer)) < length {
		p.buffer = make([]byte, length)
	}
	_, err = io.ReadFull(p.in, p.buffer[:length])
	return p.buffer[:length], err
}

func (p *page) peeked(length int) ([]byte, error) {
	message, err := p.in.Peek(length)
	if err != nil {
		return nil, err
	}
	// What was peeked stays where it is until the next read.
	_, err = p.in.Discard(length)
	return message, err
}
