package barepod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// Leftover is the manifest of a pod that a run has kept and not removed: the run was killed, or is still under way.
type Leftover struct {
	Path string
	// Namespace and Name are the pod's, as far as the file's name says them where Pod is nil.
	Namespace, Name string
	// UID is that of the pod that was to be deleted: one of another UID and the same name is its successor.
	UID types.UID
	// Kept is when the manifest was kept.
	Kept time.Time
	// Pod is what to create; nil where Err is not.
	Pod *corev1.Pod
	// Err says in a line why the file cannot be used.
	Err error
}

// Leftovers returns what was left in a directory, in the order of the files' names; nothing where the directory does not
// exist. Files that cannot be used are among them, and none is removed. The error says that the directory cannot be read.
func Leftovers(dir string) ([]Leftover, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for manifests of bare pods that an earlier run left: %w", err)
	}
	var found []Leftover
	for _, e := range entries {
		// One that begins with a full stop was never finished: its pod was not deleted.
		if strings.HasSuffix(e.Name(), extension) && !strings.HasPrefix(e.Name(), ".") {
			found = append(found, leftover(filepath.Join(dir, e.Name())))
		}
	}
	return found, nil
}

func leftover(path string) Leftover {
	l := Leftover{Path: path}
	if info, err := os.Stat(path); err == nil {
		l.Kept = info.ModTime()
	}
	if l.Namespace, l.Name, l.UID, l.Err = split(path); l.Err != nil {
		return l
	}
	pod, err := read(path)
	if err == nil && filepath.Base(path) != fileName(pod.Namespace, pod.Name, l.UID) {
		err = fmt.Errorf("it is of pod %s/%s, and named for another", pod.Namespace, pod.Name)
	}
	if err != nil {
		l.Err = fmt.Errorf("the manifest in %s cannot be used: %w", path, err)
		return l
	}
	l.Namespace, l.Name, l.Pod = pod.Namespace, pod.Name, pod
	return l
}

// read refuses fields that it does not know: a pod must not lose them in silence.
func read(path string) (*corev1.Pod, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(content, &pod); err != nil {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	if pod.APIVersion != "v1" || pod.Kind != "Pod" || len(pod.Spec.Containers) == 0 {
		return nil, errors.New("it is no manifest of a pod")
	}
	return &pod, nil
}
