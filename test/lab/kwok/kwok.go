// Package kwok holds what the simulated kubelets do: the stages a node and a pod go through, and the annotations that
// make a pod slow, broken or never-ending.
package kwok

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

// The annotations of a pod (of a pod template) that change what becomes of it. stages/pod-start.yaml says what each
// value does to a pod that starts.
const (
	prefix = "lab.mesh.kubectl.dev/"

	ReadyDelay    = prefix + "ready-delay"    // a duration, such as "5s", until the pod is ready
	ReadyNever    = prefix + "ready-never"    // "true": the pod runs and is never ready
	Fail          = prefix + "fail"           // FailCrashLoop or FailImagePull
	FailContainer = prefix + "fail-container" // the container that fails; default all but istio-proxy
	WhenImage     = prefix + "when-image"     // the above only where an image contains this text
	DeleteDelay   = prefix + "delete-delay"   // a duration that the pod takes to go once it is asked to
	Run           = prefix + "run"            // RunForever: a Job's pod does not complete

	FailCrashLoop = "crash-loop"
	FailImagePull = "image-pull"
	RunForever    = "forever"
)

//go:embed stages/*.yaml
var stages embed.FS

// WriteStages writes the stages into dir and returns the files, for kwok's --config. The error says which file could
// not be written.
func WriteStages(dir string) ([]string, error) {
	entries, err := stages.ReadDir("stages")
	if err != nil {
		return nil, fmt.Errorf("reading kwok's stages: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making room for kwok's stages: %w", err)
	}
	var files []string
	for _, e := range entries {
		content, err := stages.ReadFile("stages/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading kwok's stages: %w", err)
		}
		file := filepath.Join(dir, e.Name())
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return nil, fmt.Errorf("writing kwok's stages: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}
