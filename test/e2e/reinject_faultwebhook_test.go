package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestReinjectIsNotFooledByAWebhookThatRewritesImages: another webhook puts the old image back. Where the dry run shows that,
// nothing is restarted; where it comes only afterwards, the run says that the workload is still old. Neither counts as done.
func TestReinjectIsNotFooledByAWebhookThatRewritesImages(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for _, c := range []struct {
		name             string
		from             string // the revision that the pods are of
		onPatch          bool   // the webhook begins to rewrite once the patch is sent
		code             int
		outcome, message string
		templates        int
	}{
		{"always", newRevision, false, 0, "unchanged", "not restarted, because the injector gives what already runs: docker.io/istio/proxyv2:1.22.0 of revision 1-23", 1},
		{"later", oldRevision, true, 1, "still-old", "rolled out, but pod web-* runs docker.io/istio/proxyv2:1.22.0 of revision 1-23, and docker.io/istio/proxyv2:1.23.0 of revision 1-23 was expected", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			namespace := "rewrites-" + c.name
			createNamespace(t, lab, namespace, labels{"istio.io/rev": c.from})
			var rewrites atomic.Bool
			rewrites.Store(!c.onPatch)
			interpose(t, lab, namespace, changing(t, func(p *corev1.Pod) {
				if rewrites.Load() {
					withOldImage(p)
				}
			}))
			m := &staleMesh{lab, namespace}
			o, pods := aDeployment("web", 2)(namespace)
			m.create(t, o)
			m.awaitReady(t, pods)
			m.follow(t, newRevision)
			r := m.through(t, openGate(t, lab, func(_ http.ResponseWriter, r *intercept.Request) bool {
				if patches(r) {
					rewrites.Store(true)
				}
				return false
			})).ends()
			r.want(c.code, map[string]string{"web": c.outcome})
			r.wantMessage("web", c.message)
			m.wantTemplates(t, map[string]int{"web": c.templates})
		})
	}
}

// withOldImage puts the old proxy's image in the new one's place.
func withOldImage(p *corev1.Pod) {
	for _, containers := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range containers {
			containers[i].Image = strings.Replace(containers[i].Image, ":"+newVersion, ":"+oldVersion, 1)
		}
	}
}
