package podlist

import (
	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Fields of the messages in a pod. Source: generated.proto of k8s.io/api/core/v1 and k8s.io/apimachinery/pkg/apis/meta/v1.
const (
	podMetadata, podSpec, podStatus = 1, 2, 3

	metaName, metaNamespace, metaUID, metaCreation, metaDeletion, metaLabels, metaAnnotations, metaOwners = 1, 3, 5, 8, 9, 11, 12, 13

	ownerKind, ownerName, ownerUID, ownerAPIVersion, ownerController = 1, 3, 4, 5, 6

	specContainers, specNodeName, specHostNetwork, specInitContainers = 2, 10, 11, 20

	containerName, containerImage, containerArgs, containerRestartPolicy = 1, 2, 4, 24

	statusPhase, statusConditions = 1, 2

	conditionType, conditionStatus, conditionTransition = 1, 2, 4

	entryKey, entryValue = 1, 2
)

// decoder reads pods out of protobuf, and of each only the fields that proxy.FromPod looks at: most of a meshed pod is
// environment, volumes and managed fields. A test holds it to the typed decoder's results.
type decoder struct {
	// pod is used for one pod after another.
	pod   corev1.Pod
	names interned
}

// decode returns the pod of the message. It is valid until the next call; its strings, maps and owner references may be
// kept. On an error it holds what was read up to there.
func (d *decoder) decode(message []byte) (*corev1.Pod, error) {
	containers, inits := d.pod.Spec.Containers[:0], d.pod.Spec.InitContainers[:0]
	d.pod = corev1.Pod{}
	d.pod.Spec.Containers, d.pod.Spec.InitContainers = containers, inits
	return &d.pod, fields(message, func(field protowire.Number, v value) error {
		switch field {
		case podMetadata:
			return fields(v.bytes, d.metadata)
		case podSpec:
			return fields(v.bytes, d.spec)
		case podStatus:
			return fields(v.bytes, d.status)
		}
		return nil
	})
}

func (d *decoder) metadata(field protowire.Number, v value) error {
	switch field {
	case metaName:
		d.pod.Name = string(v.bytes)
	case metaNamespace:
		d.pod.Namespace = d.names.string(v.bytes)
	case metaUID:
		d.pod.UID = types.UID(v.bytes)
	case metaCreation:
		return d.pod.CreationTimestamp.Unmarshal(v.bytes)
	case metaDeletion:
		d.pod.DeletionTimestamp = &metav1.Time{}
	case metaLabels:
		return d.entry(&d.pod.Labels, v.bytes, func(string) bool { return true })
	case metaAnnotations:
		return d.entry(&d.pod.Annotations, v.bytes, proxy.Reads)
	case metaOwners:
		return d.owner(v.bytes)
	}
	return nil
}

// entry adds one pair to a map, if its key is wanted.
func (d *decoder) entry(to *map[string]string, message []byte, wanted func(key string) bool) error {
	var key, val []byte
	err := fields(message, func(field protowire.Number, v value) error {
		switch field {
		case entryKey:
			key = v.bytes
		case entryValue:
			val = v.bytes
		}
		return nil
	})
	if name := d.names.string(key); wanted(name) {
		if *to == nil {
			*to = map[string]string{}
		}
		(*to)[name] = d.names.string(val)
	}
	return err
}

func (d *decoder) owner(message []byte) error {
	var o metav1.OwnerReference
	err := fields(message, func(field protowire.Number, v value) error {
		switch field {
		case ownerKind:
			o.Kind = d.names.string(v.bytes)
		case ownerName:
			o.Name = d.names.string(v.bytes)
		case ownerUID:
			o.UID = types.UID(d.names.string(v.bytes))
		case ownerAPIVersion:
			o.APIVersion = d.names.string(v.bytes)
		case ownerController:
			controller := v.number != 0
			o.Controller = &controller
		}
		return nil
	})
	d.pod.OwnerReferences = append(d.pod.OwnerReferences, o)
	return err
}

func (d *decoder) spec(field protowire.Number, v value) error {
	switch field {
	case specContainers:
		return d.container(&d.pod.Spec.Containers, v.bytes)
	case specInitContainers:
		return d.container(&d.pod.Spec.InitContainers, v.bytes)
	case specNodeName:
		d.pod.Spec.NodeName = d.names.string(v.bytes)
	case specHostNetwork:
		d.pod.Spec.HostNetwork = v.number != 0
	}
	return nil
}

// container adds a container that is part of the data plane, and passes over the others.
func (d *decoder) container(to *[]corev1.Container, message []byte) error {
	var name, image, policy []byte
	var args [][]byte
	err := fields(message, func(field protowire.Number, v value) error {
		switch field {
		case containerName:
			name = v.bytes
		case containerImage:
			image = v.bytes
		case containerArgs:
			args = append(args, v.bytes)
		case containerRestartPolicy:
			policy = v.bytes
		}
		return nil
	})
	if err != nil || !proxy.IsDataPlane(string(name)) {
		return err
	}
	c := corev1.Container{Name: d.names.string(name), Image: d.names.string(image)}
	for _, arg := range args {
		c.Args = append(c.Args, d.names.string(arg))
	}
	if policy != nil {
		p := corev1.ContainerRestartPolicy(d.names.string(policy))
		c.RestartPolicy = &p
	}
	*to = append(*to, c)
	return nil
}

func (d *decoder) status(field protowire.Number, v value) error {
	switch field {
	case statusPhase:
		d.pod.Status.Phase = corev1.PodPhase(d.names.string(v.bytes))
	case statusConditions:
		var c corev1.PodCondition
		err := fields(v.bytes, func(field protowire.Number, v value) error {
			switch field {
			case conditionType:
				c.Type = corev1.PodConditionType(d.names.string(v.bytes))
			case conditionStatus:
				c.Status = corev1.ConditionStatus(d.names.string(v.bytes))
			case conditionTransition:
				return c.LastTransitionTime.Unmarshal(v.bytes)
			}
			return nil
		})
		if c.Type == corev1.PodReady {
			d.pod.Status.Conditions = append(d.pod.Status.Conditions, c)
		}
		return err
	}
	return nil
}

// interned holds strings that occur in many pods, so that each is kept once. It is emptied when it has grown large:
// values that are each pod's own would otherwise stay for ever.
type interned map[string]string

const (
	maxInterned     = 4096
	maxInternedSize = 1024
)

func (i interned) string(b []byte) string {
	if s, ok := i[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(b) > maxInternedSize {
		return s
	}
	if len(i) >= maxInterned {
		clear(i)
	}
	i[s] = s
	return s
}

// value is one field of a message: bytes for messages and strings, number for integers and booleans.
type value struct {
	bytes  []byte
	number uint64
}

// fields calls do for every field of a message. The error is do's, or says what is malformed.
func fields(message []byte, do func(protowire.Number, value) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var v value
		switch kind {
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := do(field, v); err != nil {
			return err
		}
	}
	return nil
}
