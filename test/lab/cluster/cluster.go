// Package cluster gives tests a Kubernetes cluster of real components without containers, and real Istio in it.
package cluster

import (
	"context"
	"io"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/egress"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/ports"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

// Options says what cluster to start.
type Options struct {
	Dir            string    // where its state lives; "" is a temporary directory that Stop removes
	Log            io.Writer // gets progress lines; nil discards them
	KubeletVersion string    // of every node; "" is v1.36.3. Below v1.33, istiod injects no native sidecars by itself
	Nodes          int       // how many; 0 is 3
}

// Cluster is a running lab. It is safe for concurrent use.
type Cluster struct {
	options   Options
	temporary bool
	log       *progress
	tools     *tools.Tools
	plan      *controlplane.Plan
	ports     *ports.Pool
	group     *process.Group
	proxy     *egress.Proxy
	services  *egress.Services
	istiods   *istiods
	config    *rest.Config
	client    kubernetes.Interface
	cancel    context.CancelFunc
	lock      *os.File
}

// Dir returns the state directory.
func (c *Cluster) Dir() string { return c.plan.Dir }

// Kubeconfig returns the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.plan.Kubeconfig() }

// AuditLog returns the path of the API server's audit log: JSON lines, one for each answered request.
func (c *Cluster) AuditLog() string { return c.plan.AuditLog() }

// Tool returns the path of a program of the lab, such as "kubectl" or "istioctl".
func (c *Cluster) Tool(name string) string { return c.tools.Path(name) }

// RESTConfig returns a configuration of the administrator with raised limits; it is the caller's to change.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Client returns a client of the administrator with raised limits.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Env returns the variables, as NAME=value, with which a program finds the cluster and the lab's tools.
func (c *Cluster) Env() []string { return Env(c.Dir(), c.tools) }

// Env returns Cluster.Env for a lab that another process runs in dir.
func Env(dir string, t *tools.Tools) []string {
	plan := controlplane.Plan{Dir: dir}
	return []string{
		"KUBECONFIG=" + plan.Kubeconfig(),
		"PATH=" + t.Dir() + string(os.PathListSeparator) + os.Getenv("PATH"),
		// Another lab may have had the same port, and kubectl would believe what it once discovered there.
		"KUBECACHEDIR=" + plan.KubectlCache(),
	}
}

// Kubectl runs kubectl and returns its standard output. The error carries its standard error.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return process.Run(ctx, c.Env(), c.Tool("kubectl"), args...)
}

// Istioctl runs istioctl and returns its standard output. The error carries its standard error.
func (c *Cluster) Istioctl(ctx context.Context, args ...string) (string, error) {
	return process.Run(ctx, c.Env(), c.Tool("istioctl"), args...)
}

// Components returns every program of the lab and how it is, in the order of their start.
func (c *Cluster) Components() []process.State { return c.group.States() }

// Err returns nil while every program runs or was asked to stop; else it names one that ended by itself, with the end
// of its log.
func (c *Cluster) Err() error { return c.group.Err() }
