package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Argo Rollouts' module is looked up by itself: required in go.mod, it would bring its dependencies into the versions that
// everything else is built from. So its sum stands here, and not in go.sum.
const (
	argoModule = "github.com/argoproj/argo-rollouts@v1.10.1"
	argoSum    = "h1:6oyVPGiHHxu3ixkT6mngemh88HLPDoTX1IwO6KNR1Y4="
	argoCRD    = "argo-rollouts-crd.yaml"
)

// copyArgoCRD keeps the definition of Rollouts beside the programs.
func (b *builder) copyArgoCRD(ctx context.Context) error {
	const stamp = argoModule + " " + argoSum
	if b.current(argoCRD, stamp) {
		return nil
	}
	out, err := b.goCommand(ctx, "mod", "download", "-json", argoModule)
	if err != nil {
		return fmt.Errorf("downloading Argo Rollouts: %w", err)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return fmt.Errorf("downloading Argo Rollouts: %w", err)
	}
	if module.Sum != argoSum {
		return fmt.Errorf("downloading Argo Rollouts: %s has the sum %s, not %s", argoModule, module.Sum, argoSum)
	}
	content, err := os.ReadFile(filepath.Join(module.Dir, "manifests", "crds", "rollout-crd.yaml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, argoCRD), content, 0o644)
	}
	if err != nil {
		return fmt.Errorf("keeping the definition of Rollouts: %w", err)
	}
	return b.markCurrent(argoCRD, stamp)
}
