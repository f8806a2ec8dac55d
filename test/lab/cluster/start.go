package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/egress"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

const (
	startLimit = 2 * time.Minute
	stopGrace  = 700 * time.Millisecond
)

// Start builds what is not built, starts etcd, the API server, the controllers, the scheduler and kwok, and returns
// when the nodes are ready and the Gateway API is known; there is no Istio yet. The error names the component that
// failed, with the end of its log; nothing is left running then.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	log := newProgress(o.Log)
	built, err := tools.Ensure(ctx, log)
	if err != nil {
		return nil, err
	}
	c, err := prepare(o, log, built)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := c.start(ctx); err != nil {
		if death := c.Err(); death != nil {
			err = death
		}
		_ = c.Stop()
		return nil, fmt.Errorf("starting the lab: %w", err)
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.startAPI(ctx); err != nil {
		return err
	}
	for _, spec := range []process.Spec{c.plan.ControllerManager(), c.plan.Scheduler(), c.plan.Kwok()} {
		if _, err := c.group.Start(spec, process.Detail{}); err != nil {
			return err
		}
	}
	var work errgroup.Group
	work.Go(func() error { return c.createNodes(ctx) })
	work.Go(func() error { return c.defineGateways(ctx) })
	work.Go(func() error { return c.awaitServiceAccount(ctx) })
	if err := work.Wait(); err != nil {
		return err
	}
	c.log.say("the cluster is ready")
	return nil
}

// startAPI starts etcd and the API server, waits for it, and opens the way from it to Services.
func (c *Cluster) startAPI(ctx context.Context) error {
	if err := c.connect(); err != nil {
		return err
	}
	if _, err := c.group.Start(c.plan.Etcd(), process.Detail{Port: c.plan.EtcdPort}); err != nil {
		return err
	}
	if _, err := c.group.Start(c.plan.APIServer(), process.Detail{Port: c.plan.APIPort}); err != nil {
		return err
	}
	if err := c.awaitAPI(ctx); err != nil {
		return err
	}
	lifetime, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	var err error
	if c.services, err = egress.WatchServices(lifetime, c.client); err != nil {
		return err
	}
	if c.proxy, err = egress.Listen(c.plan.EgressSocket, c.backend); err != nil {
		return err
	}
	c.log.say("the API server is ready")
	return nil
}

// connect makes the clients; nothing needs to run yet.
func (c *Cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.plan.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the lab's kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 500, 1000
	c.config = config
	typed := rest.CopyConfig(config) // thousands of Deployments are listed every second while a load grows
	typed.ContentType, typed.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	if c.client, err = kubernetes.NewForConfig(typed); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return nil
}

func (c *Cluster) awaitAPI(ctx context.Context) error {
	return c.await(ctx, "the API server", func() error {
		body, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if failed := failedChecks(body); len(failed) > 0 {
			return fmt.Errorf("not ready: %s", strings.Join(failed, ", "))
		}
		return err
	})
}

// failedChecks returns the lines of the API server's list of checks that tell of a failure.
func failedChecks(body []byte) []string {
	var failed []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "[-]") {
			failed = append(failed, strings.TrimSpace(line))
		}
	}
	return failed
}

// StopAPIServer stops the API server, as an outage of the cluster would; its data stays. The error says that it was
// never started.
func (c *Cluster) StopAPIServer() error { return c.group.Stop(controlplane.APIServer, 2*time.Second) }

// StartAPIServer starts a stopped API server at the same address and waits until it is ready. The error says why it
// is not.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	if _, err := c.group.Restart(controlplane.APIServer); err != nil {
		return err
	}
	return c.awaitAPI(ctx)
}
