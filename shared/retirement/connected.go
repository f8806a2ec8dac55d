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

// ask asks every pod of a revision's istiod which proxies are connected to it, by way of the API server. istiod may want to know who
// asks, and refuse: that is said.
func ask(ctx context.Context, clients *cluster.Clients, istioNamespace, name string) Connected {
	pods, err := clients.Kube.CoreV1().Pods(istioNamespace).List(ctx, metav1.ListOptions{LabelSelector: istiodSelector(name)})
	if err != nil {
		return Connected{Unasked: err.Error()}
	}
	var c Connected
	var unasked []string
	asked := 0
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		asked++
		if err := c.askPod(ctx, clients.Core, istioNamespace, pod.Name); err != nil {
			unasked = append(unasked, fmt.Sprintf("pod %s: %v", pod.Name, err))
		}
	}
	if asked == 0 {
		unasked = []string{"no pod of it runs in namespace " + istioNamespace}
	}
	c.Unasked = strings.Join(unasked, "; ")
	return c
}

// askPod asks at one port after another. The error is that of the first: where that one refuses, the other does so too.
func (c *Connected) askPod(ctx context.Context, core rest.Interface, namespace, pod string) error {
	ctx, cancel := context.WithTimeout(transport.Streamed(ctx), patience)
	defer cancel()
	var first error
	for _, port := range debugPorts {
		err := c.askPort(ctx, core, namespace, pod+":"+port)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (c *Connected) askPort(ctx context.Context, core rest.Interface, namespace, at string) error {
	body, err := core.Get().Namespace(namespace).Resource("pods").Name(at).SubResource("proxy").Suffix("debug/syncz").MaxRetries(0).Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	found, err := proxies(body)
	if err != nil {
		return fmt.Errorf("its answer is not what istiod answers: %w", err)
	}
	c.Proxies += found.Proxies
	c.Some = append(c.Some, found.Some[:min(len(found.Some), few-len(c.Some))]...)
	return nil
}

// proxies reads the list of connected proxies one by one. Source: Syncz and SyncStatus in istio.io/istio/pilot/pkg/xds.
func proxies(body io.Reader) (c Connected, err error) {
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
		if c.Proxies++; len(c.Some) < few {
			c.Some = append(c.Some, one.Proxy)
		}
	}
	_, err = d.Token()
	return c, err
}
