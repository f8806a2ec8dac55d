package retirement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/portforward"
	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

const (
	// few is how many proxies are named.
	few = 5
	// patience is how long a pod of istiod may take to answer.
	patience = 15 * time.Second
)

// debugPorts are those at which istiod serves its debug interface. Source: initIstiodAdminServer in
// istio.io/istio/pilot/pkg/bootstrap, which puts it on the monitoring port and, where that is not switched off, on the other.
var debugPorts = []string{"15014", "8080"}

// way is a way to ask for the path of debugPath at a port of a pod.
type way func(ctx context.Context, pod, port string) (io.ReadCloser, error)

// debugPath lists the proxies that are connected to an istiod. Source: addDebugHandlers in istio.io/istio/pilot/pkg/xds.
const debugPath = "/debug/syncz"

// waysTo returns the ways to a namespace's pods. istiod answers without further questions only what comes from its own pod: what comes
// by the API server's proxy it refuses, unless it is old; what comes by port forwarding it does not. Source:
// allowAuthenticatedOrLocalhost in istio.io/istio/pilot/pkg/xds.
func waysTo(namespace string, core rest.Interface, config *rest.Config) []way {
	ways := []way{func(ctx context.Context, pod, port string) (io.ReadCloser, error) {
		return core.Get().Namespace(namespace).Resource("pods").Name(pod + ":" + port).SubResource("proxy").Suffix(debugPath).MaxRetries(0).Stream(ctx)
	}}
	if config != nil {
		ways = append(ways, func(ctx context.Context, pod, port string) (io.ReadCloser, error) {
			return portforward.Get(ctx, config, core, namespace, pod, port, debugPath)
		})
	}
	return ways
}

// ask asks every pod of a revision's istiod which proxies, but for those to pass over, are connected to it. Where none of the ways leads to an answer, that is said.
func ask(ctx context.Context, clients *cluster.Clients, o Options, pass func(proxy string) bool) Connected {
	pods, err := clients.Kube.CoreV1().Pods(o.IstioNamespace).List(ctx, metav1.ListOptions{LabelSelector: controlplane.IstiodSelector})
	if err != nil {
		return Connected{Unasked: err.Error()}
	}
	ways := waysTo(o.IstioNamespace, clients.Core, o.Config)
	var c Connected
	var unasked []string
	asked := 0
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Status.Phase != corev1.PodRunning || controlplane.RevisionOf(pod.Labels) != o.Revision {
			continue
		}
		asked++
		if err := c.askPod(ctx, ways, pod.Name, pass); err != nil {
			unasked = append(unasked, fmt.Sprintf("pod %s: %v", pod.Name, err))
		}
	}
	if asked == 0 {
		unasked = []string{"no pod of it runs in namespace " + o.IstioNamespace}
	}
	c.Unasked = strings.Join(unasked, "; ")
	return c
}

// askPod asks in one way after another. The error is that of the last: it is the one that leads further.
func (c *Connected) askPod(ctx context.Context, ways []way, pod string, pass func(string) bool) (err error) {
	for _, w := range ways {
		if err = c.askPorts(ctx, w, pod, pass); err == nil {
			return nil
		}
	}
	return err
}

// askPorts asks at one port after another. The error is that of the first: where that one refuses, the other does so too.
func (c *Connected) askPorts(ctx context.Context, w way, pod string, pass func(string) bool) error {
	ctx, cancel := context.WithTimeout(transport.Streamed(ctx), patience)
	defer cancel()
	var first error
	for _, port := range debugPorts {
		err := c.askPort(ctx, w, pod, port, pass)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (c *Connected) askPort(ctx context.Context, w way, pod, port string, pass func(string) bool) error {
	body, err := w(ctx, pod, port)
	if err != nil {
		return err
	}
	defer body.Close()
	found, err := proxies(body, pass)
	if err != nil {
		return fmt.Errorf("its answer is not what istiod answers: %w", err)
	}
	c.Proxies += found.Proxies
	c.Some = append(c.Some, found.Some[:min(len(found.Some), few-len(c.Some))]...)
	return nil
}

// proxies reads the list of connected proxies one by one. Source: Syncz and SyncStatus in istio.io/istio/pilot/pkg/xds.
func proxies(body io.Reader, pass func(string) bool) (c Connected, err error) {
	d := json.NewDecoder(body)
	if start, err := d.Token(); err != nil {
		return c, err
	} else if start != json.Delim('[') {
		return c, errors.New("it is no list")
	}
	for d.More() {
		var one struct {
			Proxy string `json:"proxy"`
		}
		if err := d.Decode(&one); err != nil {
			return c, err
		}
		if pass(one.Proxy) {
			continue
		}
		if c.Proxies++; len(c.Some) < few {
			c.Some = append(c.Some, one.Proxy)
		}
	}
	_, err = d.Token()
	return c, err
}
