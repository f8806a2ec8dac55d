package retirement

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderule"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Tool is what would uninstall a revision.
type Tool int

const (
	// Usual is the tool that the revision came from.
	Usual Tool = iota
	// Istioctl is istioctl, also for what did not come from it.
	Istioctl
	// Other is any other.
	Other
)

// Origin is where a revision was installed from. The zero value is istioctl, or what leaves no trace.
type Origin struct {
	// AKS is true where the add-on of Azure has installed it.
	AKS bool
	// Release is the Helm release that it is of, in ReleaseNamespace; empty for none.
	Release, ReleaseNamespace string
}

// Command returns what to type to uninstall a revision of the mesh in Istio's namespace with the tool that it came from, empty where that
// is istioctl. kubeContext is the context of the kubeconfig that was named, empty for none.
func (o Origin) Command(istioNamespace, revision, kubeContext string) string {
	command := []string{"kubectl", "mesh-canary", "retire", revision, "-i", istioNamespace}
	helm := []string{"helm", "uninstall", o.Release, "-n", o.ReleaseNamespace}
	if kubeContext != "" {
		command, helm = append(command, "--context", kubeContext), append(helm, "--kube-context", kubeContext)
	}
	command = append(command, "--run", "--uninstall")
	switch {
	case o.AKS:
		return provider.Quote(command) + " aks --aks-resource-group <GROUP> --aks-name <CLUSTER>"
	case o.Release != "":
		return provider.Quote(append(command, provider.Quote(helm)))
	default:
		return ""
	}
}

// Istioctl says whether istioctl may uninstall it without being named: Helm and AKS would go on to believe that it is there.
func (o Origin) Istioctl() bool { return !o.AKS && o.Release == "" }

// take learns from an object of the revision's whether it is of a Helm release. The label alone does not tell: what istioctl installs
// bears it too, for it renders the same charts; the annotations only Helm writes. Source: setMetadataVisitor in
// helm.sh/helm/pkg/action.
func (o *Origin) take(m *metav1.ObjectMeta) {
	release := m.Annotations["meta.helm.sh/release-name"]
	if o.Release == "" && release != "" && m.Labels["app.kubernetes.io/managed-by"] == "Helm" {
		o.Release, o.ReleaseNamespace = release, m.Annotations["meta.helm.sh/release-namespace"]
	}
}

// aksInstalls says whether Istio's namespace is that of the add-on of Azure.
func aksInstalls(istioNamespace string) bool {
	return controlplane.WayOf(revision.ControlPlane{Namespace: istioNamespace}) == upgraderule.OnAKS
}

// aksGateways are the namespaces of the add-on's own gateways. It makes a Deployment for each revision, named NAME-REVISION, and removes it
// with the revision. Source: learn.microsoft.com/azure/aks/istio-deploy-ingress and .../istio-upgrade.
var aksGateways = []string{"aks-istio-ingress", "aks-istio-egress"}

// aksKeeps says whether a workload is a gateway of the add-on's own.
func (f *Facts) aksKeeps(namespace string, ref workload.Ref) bool {
	return f.Origin.AKS && slices.Contains(aksGateways, namespace) && ref.Kind == "Deployment" && strings.HasSuffix(ref.Name, "-"+f.Revision)
}

// aksKept says whether a proxy, as POD.NAMESPACE, is that of a gateway of the add-on's own.
func aksKept(proxy, revision string) bool {
	pod, namespace, _ := strings.Cut(proxy, ".")
	return slices.Contains(aksGateways, namespace) && strings.Contains(pod, "-"+revision+"-")
}
