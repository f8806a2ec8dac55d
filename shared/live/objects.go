package live

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

type unstructuredList = unstructured.UnstructuredList

// pod is a pod of a list, as far as it was read.
type pod struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Pod proxy.Pod
}

// podList is what reflectors take for a list.
type podList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []pod
}

// DeepCopyObject is what makes an object of a pod; nobody changes one.
func (p *pod) DeepCopyObject() runtime.Object {
	c := *p
	return &c
}

// DeepCopyObject is what makes an object of a list; nobody changes one.
func (l *podList) DeepCopyObject() runtime.Object {
	c := *l
	return &c
}

// podOf returns what matters of a pod from a list or from a watch. It keeps nothing else of it alive.
func podOf(o runtime.Object) proxy.Pod {
	if p, ok := o.(*pod); ok {
		return p.Pod
	}
	p := proxy.FromPod(o.(*corev1.Pod))
	if p.Controller != nil {
		c := *p.Controller
		p.Controller = &c
	}
	return p
}

// stub returns an object of the same kind that has only its name.
func stub(o runtime.Object) runtime.Object {
	name := reflect.New(reflect.TypeOf(o).Elem()).Interface().(runtime.Object)
	from, err := meta.Accessor(o)
	to, otherErr := meta.Accessor(name)
	if err == nil && otherErr == nil {
		to.SetNamespace(from.GetNamespace())
		to.SetName(from.GetName())
	}
	return name
}
