package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/test/guide"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

var allGuides = flag.Bool("all-guides", false, "type every page of the documentation, and not only those that there is always time for")

// guideStage is a cluster on which pages are typed, one after the other.
type guideStage struct {
	// always says that its pages are typed without -all-guides too.
	always bool
	start  func(*testing.T) *cluster.Cluster
	// pages are what is typed, and how each is prepared.
	pages []stagedPage
}

type stagedPage struct {
	page    string
	prepare func(*reader)
}

// guideStages are all the pages that are typed.
var guideStages = map[string]guideStage{
	"lab":    {pages: []stagedPage{{"docs/lab.md", (*reader).inRepository}, {"CONTRIBUTING.md", (*reader).inRepository}}},
	"canary": {always: true, start: oneRevision, pages: []stagedPage{{"docs/guides/canary.md", (*reader).beforeTheUpgrade}}},
	"two revisions": {always: true, start: twoRevisions, pages: []stagedPage{
		{"docs/guides/dump.md", (*reader).amidTheUpgrade},
		{"docs/guides/gitops.md", (*reader).keptInGit},
		// The last one: its upgrade stays completed.
		{"README.md", (*reader).inRepository},
	}},
	"rollback": {start: twoRevisions, pages: []stagedPage{{"docs/guides/rollback.md", (*reader).followingATag}}},
	"in place": {start: withoutRevision, pages: []stagedPage{{"docs/guides/in-place.md", (*reader).injectedByDefault}}},
	"aks":      {start: asOnAKS, pages: []stagedPage{{"docs/guides/aks.md", (*reader).onAKS}}},
}

const root = "../.."

// typedPages are the pages whose every block is typed, or says why not.
func typedPages(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("looking for guides: %v, found %v", err, guides)
	}
	var pages []string
	for _, path := range append(guides, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "docs", "lab.md")) {
		if _, err := os.Stat(path); err == nil {
			page, _ := filepath.Rel(root, path)
			pages = append(pages, filepath.ToSlash(page))
		}
	}
	return pages
}

// TestGuidesLeaveNoBlockUntyped: every block of shell in these pages is typed by TestGuides, or says why it is not.
func TestGuidesLeaveNoBlockUntyped(t *testing.T) {
	typed := map[string]bool{}
	for _, s := range guideStages {
		for _, p := range s.pages {
			typed[p.page] = true
		}
	}
	for _, page := range typedPages(t) {
		blocks, err := guide.Parse(readFile(t, filepath.Join(root, page)))
		if err != nil {
			t.Errorf("%s: %v", page, err)
		}
		for _, b := range blocks {
			switch {
			case b.NotRun != "":
			case !typed[page]:
				t.Errorf("%s:%d: nobody types this block: add the page to guideStages in test/e2e/guides_test.go, or put <!-- not run: REASON --> right before the block:\n%s", page, b.Line, b.Script)
			case testsAgain.MatchString(b.Script):
				t.Errorf("%s:%d: this would run the tests that type it: put <!-- not run: REASON --> right before the block:\n%s", page, b.Line, b.Script)
			}
		}
	}
}

// TestGuides types the pages: each block in a shell, in the order of the page, on a real cluster. It ends with the exit code that it is to end
// with, and says what the page shows. With -update, what a page shows and is not so any more is replaced.
func TestGuides(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(guideStages)) {
		s := guideStages[name]
		if !s.always && !*allGuides {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var lab *cluster.Cluster
			if s.start != nil {
				lab = s.start(t)
			}
			for _, p := range s.pages {
				if _, err := os.Stat(filepath.Join(root, p.page)); err != nil {
					t.Logf("there is no %s", p.page)
					continue
				}
				t.Run(filepath.Base(p.page), func(t *testing.T) { newReader(t, lab, p.page).read(p.prepare) })
			}
		})
	}
}

func oneRevision(t *testing.T) *cluster.Cluster {
	t.Helper()
	lab := ownLab(t, cluster.Options{})
	install(t, lab, cluster.Istio{Revision: oldRevision, Tag: oldVersion})
	if err := setTag(t.Context(), lab, stableTag, oldRevision); err != nil {
		t.Fatal(err)
	}
	return lab
}

func twoRevisions(t *testing.T) *cluster.Cluster {
	t.Helper()
	lab := oneRevision(t)
	install(t, lab, cluster.Istio{Revision: newRevision, Tag: newVersion})
	return lab
}

func withoutRevision(t *testing.T) *cluster.Cluster {
	t.Helper()
	lab := ownLab(t, cluster.Options{})
	install(t, lab, cluster.Istio{Tag: oldVersion})
	return lab
}

// populate makes the two namespaces that the guides are about: shop with two workloads, payments with one that has a single replica.
func (r *reader) populate(namespace labels) {
	r.t.Helper()
	for name, workloads := range map[string]map[string]int32{"shop": {"cart": 3, "web": 2}, "payments": {"ledger": 1}} {
		createNamespace(r.t, r.lab, name, maps.Clone(namespace))
		awaitServiceAccount(r.t, r.lab, name)
		for workload, replicas := range workloads {
			createDeployment(r.t, r.lab, newDeployment(name, workload, replicas, withReadinessProbe))
		}
	}
	// The next page wants them anew, and no upgrade to be known.
	r.t.Cleanup(func() {
		for _, what := range []string{"namespace shop payments", "configmap kubectl-mesh-canary -n istio-system"} {
			if _, err := r.lab.Kubectl(context.Background(), append(strings.Fields("delete --wait --ignore-not-found"), strings.Fields(what)...)...); err != nil {
				r.t.Error(err)
			}
		}
	})
}

func withReadinessProbe(p *corev1.Pod) {
	handler := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8080)}}
	p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: handler}
}

// beforeTheUpgrade: the namespaces follow the stable tag, and what the page installs will have an istiod.
func (r *reader) beforeTheUpgrade() {
	r.populate(istioRev(stableTag))
	r.expects(cluster.Istio{Revision: newRevision, Tag: newVersion})
}

func (r *reader) followingATag() { r.populate(istioRev(stableTag)) }

// amidTheUpgrade: one namespace has moved already, the other was only relabelled.
func (r *reader) amidTheUpgrade() {
	r.populate(istioRev(oldRevision))
	relabel(r.t, r.lab, "payments", "istio.io/rev="+newRevision)
}

// keptInGit: a Flux Kustomization keeps the namespaces.
func (r *reader) keptInGit() {
	r.populate(labels{"istio.io/rev": oldRevision, "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
}

func (r *reader) injectedByDefault() { r.populate(labels{"istio-injection": "enabled"}) }

// The AKS add-on, as far as it is to be seen in the cluster.
const aksNamespace = "aks-istio-system"

func aksRevision(name, version string) cluster.Istio {
	return cluster.Istio{Namespace: aksNamespace, Revision: name, Tag: version, Hub: "mcr.microsoft.com/oss/istio"}
}

var aksOld, aksNew = aksRevision("asm-1-22", oldVersion), aksRevision("asm-1-23", newVersion)

func asOnAKS(t *testing.T) *cluster.Cluster {
	t.Helper()
	lab := ownLab(t, cluster.Options{})
	install(t, lab, aksOld)
	return lab
}

// onAKS: az is played by a script that installs and uninstalls by istioctl, as far as the cluster goes.
func (r *reader) onAKS() {
	r.populate(istioRev(aksOld.Revision))
	r.expects(aksNew)
	r.standIn("az", fmt.Sprintf(`case "$*" in
*"mesh get-upgrades"*) printf '{\n  "revision": "%[1]s",\n  "upgrades": [\n    "%[2]s"\n  ]\n}\n' ;;
*"mesh upgrade start"*) exec istioctl %[3]s >/dev/null 2>&1 ;;
*"mesh upgrade complete"*) exec istioctl %[4]s >/dev/null 2>&1 ;;
*"mesh upgrade rollback"*) exec istioctl %[5]s >/dev/null 2>&1 ;;
*) echo "az $*: nobody plays this" >&2; exit 1 ;;
esac`, aksOld.Revision, aksNew.Revision, shellWords(aksNew.Args()), shellWords(aksOld.ID().UninstallArgs()), shellWords(aksNew.ID().UninstallArgs())))
}
