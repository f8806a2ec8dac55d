// Package barepod keeps what is needed to create a pod again that no controller would: between its deletion and its
// creation, the manifest on disk is all that there is of it.
package barepod

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
)

// header tells whoever finds a file what it is for.
const header = `# Kept by kubectl-mesh while it deletes this pod and creates it again, and removed once that is done.
# Where the pod is gone: kubectl create -f THIS_FILE
`

// Save writes the manifest that the pod can be created from again, and be injected anew, into the directory, which is made
// where it does not exist. Once it returns, the manifest outlasts the program and the machine's power. It returns the
// file's path, which names the pod and its UID, so that Leftovers finds it. Both are for the user alone: environment
// variables may be secrets.
//
// The error says that the manifest cannot be found, as manifest.Of does, or that it cannot be written; the pod must not be
// deleted then.
func Save(dir string, pod *corev1.Pod) (path string, err error) {
	content, err := render(pod)
	if err != nil {
		return "", err
	}
	if err := makeDir(dir); err != nil {
		return "", fmt.Errorf("making the directory for the manifest of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	path = filepath.Join(dir, fileName(pod.Namespace, pod.Name, pod.UID))
	if err := write(path, content); err != nil {
		return "", fmt.Errorf("keeping the manifest of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return path, nil
}

// Remove removes the file of a pod that is there again. One that is gone already is no error.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing the manifest of a pod that is there again: %w", err)
	}
	return nil
}

func render(pod *corev1.Pod) ([]byte, error) {
	m, err := manifest.Of(pod)
	if err != nil {
		return nil, err
	}
	content, err := yaml.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of pod %s/%s as YAML: %w", pod.Namespace, pod.Name, err)
	}
	return append([]byte(header), content...), nil
}

// write has the file there whole or not at all.
func write(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	// A temporary file is for the user alone.
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = cmp.Or(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(dir)
}
