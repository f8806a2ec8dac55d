package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// createNodes creates the nodes and waits until kwok has made them ready.
func (c *Cluster) createNodes(ctx context.Context) error {
	for i := range c.options.Nodes {
		name := fmt.Sprintf("node-%d", i+1)
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
				corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			}},
			Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: c.options.KubeletVersion}},
		}
		if _, err := c.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating %s: %w", name, err)
		}
	}
	return c.await(ctx, "the nodes", func() error {
		nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, n := range nodes.Items {
			if !ready(n) {
				return fmt.Errorf("%s is not ready", n.Name)
			}
		}
		return nil
	})
}

// ready tells whether pods can be scheduled to the node; the taint goes some time after the condition comes.
func ready(n corev1.Node) bool {
	if len(n.Spec.Taints) > 0 {
		return false
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// defineGateways makes the Gateway API known, which istiod looks for when it starts.
func (c *Cluster) defineGateways(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "apply", "--server-side", "-f", c.tools.GatewayCRDs()); err != nil {
		return fmt.Errorf("defining the Gateway API: %w", err)
	}
	return c.await(ctx, "the Gateway API", func() error {
		_, err := c.client.Discovery().ServerResourcesForGroupVersion("gateway.networking.k8s.io/v1")
		return err
	})
}

// awaitServiceAccount waits until pods are accepted in the default namespace.
func (c *Cluster) awaitServiceAccount(ctx context.Context) error {
	return c.await(ctx, "the default ServiceAccount", func() error {
		_, err := c.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}
