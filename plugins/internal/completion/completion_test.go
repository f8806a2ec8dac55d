package completion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

// line is a command line that is being typed, in a plugin whose one command takes workloads.
type line struct {
	cmd *cobra.Command
	c   *Cluster
	// asked are the paths that the server was asked for, as whom.
	asked []string
}

// typing returns a line typed after what is given, of which the kubeconfig names the server.
func typing(t *testing.T, answer map[string]any, args ...string) *line {
	t.Helper()
	l := &line{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked = append(l.asked, strings.TrimSpace(r.URL.RequestURI()+" "+r.Header.Get("Impersonate-User")))
		w.Header().Set("Content-Type", "application/json")
		object, is := answer[r.URL.Path]
		if !is {
			w.WriteHeader(http.StatusNotFound)
			object = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}
		}
		if err := json.NewEncoder(w).Encode(object); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: this, cluster: {server: '%s'}}], users: [{name: me@home, user: {}}], "+
		"contexts: [{name: here, context: {cluster: this, user: me@home, namespace: shop}}, {name: there, context: {cluster: this, namespace: bank}}, {name: 'a $(b)', context: {}}]}", server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	connection := genericclioptions.NewConfigFlags(true)
	l.c = New("kubectl-mesh-example", connection)
	l.cmd = &cobra.Command{Use: "kubectl-mesh-example"}
	l.cmd.SetContext(t.Context())
	connection.AddFlags(l.cmd.Flags())
	l.cmd.Flags().StringP("istio-namespace", "i", "", "")
	l.cmd.Flags().String("from", "", "")
	l.cmd.Flags().Duration("pause", 0, "")
	if err := l.cmd.ParseFlags(append([]string{"--kubeconfig", file}, args...)); err != nil {
		t.Fatal(err)
	}
	return l
}

// list is a list of objects of such names, of which the API server sends the metadata alone.
func list(names ...string) any {
	l := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: "meta.k8s.io/v1"}}
	for _, name := range names {
		l.Items = append(l.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return l
}

// offers wants a function to offer words for what is typed, after the arguments.
func (l *line) offers(t *testing.T, f cobra.CompletionFunc, toComplete string, want []string, args ...string) {
	t.Helper()
	got, directive := f(l.cmd, args, toComplete)
	if !slices.Equal(got, want) {
		t.Errorf("%q: got %q, want %q", toComplete, got, want)
	}
	if directive&cobra.ShellCompDirectiveNoFileComp == 0 {
		t.Errorf("%q: files are offered too: %d", toComplete, directive)
	}
}

func TestWorkloadsAreThoseOfTheNamespaceThatIsMeant(t *testing.T) {
	pods := map[string]any{
		"/apis/apps/v1/namespaces/shop/deployments": list("cart", "web"), "/apis/apps/v1/namespaces/bank/deployments": list("ledger"),
		"/apis/apps/v1/namespaces/shop/statefulsets": list(),
	}
	for _, c := range []struct {
		rule, typed string
		flags, want []string
	}{
		{"the context's", "deploy/", nil, []string{"deploy/cart", "deploy/web"}},
		{"as it is spelt", "Deployments/w", nil, []string{"Deployments/web"}},
		{"the flag's", "deployment/", []string{"-n", "bank"}, []string{"deployment/ledger"}},
		{"another context's", "deployment/", []string{"--context", "there"}, []string{"deployment/ledger"}},
		{"none there", "statefulset/", nil, nil},
		{"a kind that the cluster does not have", "rollout/", nil, nil},
		{"a kind that is no workload", "node/", nil, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l := typing(t, pods, c.flags...)
			l.offers(t, l.c.Workloads(Deployments, StatefulSets, Rollouts), c.typed, c.want)
		})
	}
	t.Run("but those that are typed already, in any spelling", func(t *testing.T) {
		l := typing(t, pods)
		l.offers(t, l.c.Workloads(Deployments), "deployment/", []string{"deployment/web"}, "deploy/cart", "statefulset/web")
	})
	t.Run("one page, as whom the line says", func(t *testing.T) {
		l := typing(t, pods, "--as", "jane")
		l.offers(t, l.c.Workloads(Deployments), "deployment/c", []string{"deployment/cart"})
		if want := []string{"/apis/apps/v1/namespaces/shop/deployments?limit=500 jane"}; !slices.Equal(l.asked, want) {
			t.Errorf("asked %q", l.asked)
		}
	})
}

func TestReplicaSetsOfDeploymentsAreNamedByNobody(t *testing.T) {
	sets := list("cart-5d9", "hand-made").(metav1.PartialObjectMetadataList)
	yes := true
	sets.Items[0].OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", Name: "cart", Controller: &yes}}
	l := typing(t, map[string]any{"/apis/apps/v1/namespaces/shop/replicasets": sets})
	l.offers(t, l.c.Workloads(ReplicaSets), "rs/", []string{"rs/hand-made"})
}

// mesh is what a server answers that has these injectors.
func mesh(injectors ...*admissionv1.MutatingWebhookConfiguration) map[string]any {
	configurations := admissionv1.MutatingWebhookConfigurationList{
		TypeMeta: metav1.TypeMeta{Kind: "MutatingWebhookConfigurationList", APIVersion: "admissionregistration.k8s.io/v1"},
	}
	for _, injector := range injectors {
		configurations.Items = append(configurations.Items, *injector)
	}
	services := corev1.ServiceList{TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"}}
	return map[string]any{
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": configurations,
		"/api/v1/namespaces/istio-system/services":                            services, "/api/v1/namespaces/elsewhere/services": services,
	}
}

func TestRevisionsAndTags(t *testing.T) {
	mesh := mesh(fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.TagInjector("prod-stable", "1-22"))
	l := typing(t, mesh)
	l.offers(t, l.c.Revisions(), "", []string{"1-22\ttag prod-stable", "1-23"})
	l.offers(t, l.c.Revisions(), "1-23", []string{"1-23"})
	l.offers(t, l.c.Tags(), "prod", []string{"prod-stable\trevision 1-22"})
	l.offers(t, l.c.IstioNamespaces(), "", []string{"istio-system"})
	l.offers(t, One(l.c.Revisions()), "", nil, "1-22")
	l = typing(t, mesh, "--from", "1-22")
	l.offers(t, l.c.Revisions("from"), "", []string{"1-23"})
	l = typing(t, mesh, "-i", "elsewhere")
	l.offers(t, l.c.Revisions(), "", nil)
}

func TestWhatATerminalWouldObeyIsEscapedInDescriptionsAndNeverOffered(t *testing.T) {
	const hostile = "\x1b]0;mine\a\tx\ny"
	l := typing(t, mesh(fixture.Injector("1-22"), fixture.Injector("1-23"+hostile),
		fixture.TagInjector("prod"+hostile, "1-22"), fixture.TagInjector("prod-canary", "1-23"+hostile)))
	l.offers(t, l.c.Revisions(), "", []string{"1-22\ttag prod" + `\x1b]0;mine\a\tx\ny`})
	l.offers(t, l.c.Tags(), "", []string{"prod-canary\trevision 1-23" + `\x1b]0;mine\a\tx\ny`})
	l = typing(t, map[string]any{"/api/v1/namespaces": list("bank"+hostile, "shop", "shop\tx"+hostile)})
	l.offers(t, l.c.Namespaces(), "", []string{"shop"})
}

func TestWhatTheKubeconfigNames(t *testing.T) {
	l := typing(t, map[string]any{"/api/v1/namespaces": list("bank", "shop")})
	l.c.Add(l.cmd)
	for flag, want := range map[string][]string{
		// What a shell would run is never offered.
		"context": {"here", "there"}, "cluster": {"this"}, "user": {"me@home"}, "namespace": {"bank", "shop"}, "as": nil, "pause": nil,
	} {
		f, is := l.cmd.GetFlagCompletionFunc(flag)
		if !is {
			t.Fatalf("--%s is not completed", flag)
		}
		l.offers(t, f, "", want)
	}
}

func TestSeveralArgumentsAreOfferedOnce(t *testing.T) {
	l := typing(t, map[string]any{"/api/v1/namespaces": list("bank", "shop")})
	l.offers(t, Several(l.c.Namespaces()), "", []string{"shop"}, "bank")
}

func TestAClusterThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	debug := filepath.Join(t.TempDir(), "debug")
	t.Setenv("BASH_COMP_DEBUG_FILE", debug)
	l := typing(t, nil)
	l.offers(t, l.c.Revisions(), "", nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	l.cmd.SetContext(ctx)
	over := make(chan struct{})
	defer close(over)
	l.offers(t, Found(func(context.Context, *cobra.Command) ([]cobra.Completion, error) {
		<-over
		return []string{"late"}, nil
	}), "", nil)
	l.cmd.SetContext(t.Context())
	l.offers(t, Found(func(context.Context, *cobra.Command) ([]cobra.Completion, error) {
		return []string{"half"}, errors.New("it broke \x1b off")
	}), "", nil)
	said, err := os.ReadFile(debug)
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{"reading mutatingwebhookconfigurations", "the cluster has not answered in time", `it broke \x1b off`} {
		if !strings.Contains(string(said), why) {
			t.Errorf("the file of BASH_COMP_DEBUG_FILE lacks %q:\n%s", why, said)
		}
	}
}
