package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

const gatewayCRDs = "gateway-api-crds"

// copyGatewayCRDs keeps the Gateway API's definitions beside the programs, so that starting a lab needs no go command.
func (b *builder) copyGatewayCRDs(ctx context.Context, stamp string) error {
	if b.current(gatewayCRDs, stamp) {
		return nil
	}
	module, err := b.goCommand(ctx, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")
	if err != nil {
		return fmt.Errorf("finding the Gateway API module: %w", err)
	}
	// The files of the folder that are not a definition, a kustomization and an admission policy, are left.
	files, err := filepath.Glob(filepath.Join(module, "config", "crd", "standard", "gateway.networking.k8s.io_*s.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no Gateway API definitions in %s (%v)", module, err)
	}
	target := filepath.Join(b.dir, gatewayCRDs)
	if err := os.RemoveAll(target); err != nil {
		return fmt.Errorf("removing stale Gateway API definitions: %w", err)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("keeping the Gateway API definitions: %w", err)
	}
	for _, f := range files {
		if filepath.Base(f) == "gateway.networking.k8s.io_vap_safeupgrades.yaml" {
			continue
		}
		content, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(target, filepath.Base(f)), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("keeping the Gateway API definitions: %w", err)
		}
	}
	return b.markCurrent(gatewayCRDs, stamp)
}
