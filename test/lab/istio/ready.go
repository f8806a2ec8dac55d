package istio

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"istio.io/api/label"
)

const pause = 50 * time.Millisecond

// AwaitConfig waits until istioctl has written what istiod reads once, when it starts: without the injector's
// ConfigMap it would not inject at all. The error is ctx's.
func (id ID) AwaitConfig(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, fmt.Sprintf("the ConfigMap %s/%s", id.Namespace, id.injectorMap()), func() error {
		_, err := client.CoreV1().ConfigMaps(id.Namespace).Get(ctx, id.injectorMap(), metav1.GetOptions{})
		return err
	})
}

// AwaitInjector waits until this istiod is ready, has signed its webhooks, and answers the API server's question
// about a pod. died ends the wait. The error says what was still missing.
func (d Istiod) AwaitInjector(ctx context.Context, client kubernetes.Interface, died func() error) error {
	return poll(ctx, d.ID.String(), func() error {
		if err := died(); err != nil {
			return final{err}
		}
		if err := d.ready(ctx); err != nil {
			return err
		}
		if err := d.signed(ctx, client); err != nil {
			return err
		}
		return d.answers(ctx, client)
	})
}

func (d Istiod) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ready", d.Status), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it is not ready yet: %s", response.Status)
	}
	return nil
}

func (d Istiod) signed(ctx context.Context, client kubernetes.Interface) error {
	config, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, d.ID.injector(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, w := range config.Webhooks {
		if len(w.ClientConfig.CABundle) == 0 {
			return fmt.Errorf("its webhook %s has no certificate yet", w.Name)
		}
	}
	return nil
}

// answers asks for a pod that names the revision, in a namespace that does not. Only a refusal that names this
// istiod's Service counts: other webhooks of the cluster may have their own trouble.
func (d Istiod) answers(ctx context.Context, client kubernetes.Interface) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "lab-probe-",
			Labels:       map[string]string{label.IoIstioRev.Name: d.ID.Revision, label.SidecarInject.Name: "true"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}},
	}
	_, err := client.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil && strings.Contains(err.Error(), d.ID.service()+"."+d.ID.Namespace+".svc") {
		return err
	}
	if apierrors.IsForbidden(err) { // its ServiceAccount does not exist yet
		return err
	}
	return nil
}

// final is an error that waiting does not cure.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func poll(ctx context.Context, what string, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		if f, ok := err.(final); ok {
			return fmt.Errorf("waiting for %s: %w", what, f.error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last: %w", what, context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}
