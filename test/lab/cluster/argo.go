package cluster

import (
	"context"
	"fmt"
)

// InstallArgoRollouts makes Argo Rollouts' Rollouts known, by their real definition; package argo plays their controller.
// It returns once they are served. The error says what went wrong, or that they are not served before ctx ends.
func (c *Cluster) InstallArgoRollouts(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "apply", "--server-side", "-f", c.tools.RolloutCRD()); err != nil {
		return fmt.Errorf("defining Rollouts: %w", err)
	}
	return c.await(ctx, "Rollouts", func() error {
		return c.client.Discovery().RESTClient().Get().AbsPath("/apis/argoproj.io/v1alpha1/rollouts").Do(ctx).Error()
	})
}
