// Command pacefloor is the least that restarting a load can take: it sends a patch to each of its Deployments, all at
// once, and follows one watch until the last of them is rolled out. It asks no injector and looks at no pod.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// load selects the Deployments that the lab's load consists of.
const load = "lab.mesh.kubectl.dev/load"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := connect()
	if err != nil {
		return err
	}
	all, err := client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{LabelSelector: load})
	if err != nil {
		return fmt.Errorf("listing Deployments: %w", err)
	}
	generations, err := restart(ctx, client, all.Items)
	if err != nil {
		return err
	}
	return follow(ctx, client, all.ResourceVersion, generations)
}

func connect() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	return kubernetes.NewForConfig(config)
}

// restart patches all of them at once, as `kubectl rollout restart` does, and returns their generations.
func restart(ctx context.Context, client kubernetes.Interface, all []appsv1.Deployment) (map[types.UID]int64, error) {
	body := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`,
		time.Now().Format(time.RFC3339Nano))
	patched := make([]*appsv1.Deployment, len(all))
	work, ctx := errgroup.WithContext(ctx)
	for i := range all {
		work.Go(func() (err error) {
			patched[i], err = client.AppsV1().Deployments(all[i].Namespace).
				Patch(ctx, all[i].Name, types.StrategicMergePatchType, body, metav1.PatchOptions{})
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("patching: %w", err)
	}
	generations := map[types.UID]int64{}
	for _, d := range patched {
		generations[d.UID] = d.Generation
	}
	return generations, nil
}

// follow returns once every Deployment of these generations is rolled out.
func follow(ctx context.Context, client kubernetes.Interface, from string, generations map[types.UID]int64) error {
	changes, err := client.AppsV1().Deployments("").Watch(ctx, metav1.ListOptions{LabelSelector: load, ResourceVersion: from})
	if err != nil {
		return fmt.Errorf("watching Deployments: %w", err)
	}
	defer changes.Stop()
	for len(generations) > 0 {
		change, open := <-changes.ResultChan()
		if !open {
			return errors.New("the watch has ended")
		}
		d, ok := change.Object.(*appsv1.Deployment)
		if !ok {
			return fmt.Errorf("the watch brought %v", change.Object)
		}
		if wanted, waiting := generations[d.UID]; waiting && rolledOut(d, wanted) {
			delete(generations, d.UID)
		}
	}
	return nil
}

// rolledOut is what `kubectl rollout status` waits for.
func rolledOut(d *appsv1.Deployment, generation int64) bool {
	s := d.Status
	return s.ObservedGeneration >= generation && s.UpdatedReplicas == *d.Spec.Replicas &&
		s.Replicas == s.UpdatedReplicas && s.AvailableReplicas == s.UpdatedReplicas
}
