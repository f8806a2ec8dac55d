package istio

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

// Istiod is how one real istiod runs.
type Istiod struct {
	ID      ID
	Webhook int // port of the injection and validation webhooks
	Status  int // port that says whether it is ready
	Spec    process.Spec
}

// portsNeeded is how many ports an istiod opens.
const portsNeeded = 5

// Plan says how the istiod of an installation is started. dir holds what it writes, and take hands out ports. The
// error says which directory or port could not be had.
func (i Install) Plan(program, kubeconfig, dir, log string, take func(int) ([]int, error)) (Istiod, error) {
	id := i.ID()
	ports, err := take(portsNeeded)
	if err != nil {
		return Istiod{}, err
	}
	// An empty injection directory and a mesh file that does not exist make istiod follow the ConfigMaps of its
	// revision instead, as a restarted or reconfigured control plane would.
	injection := filepath.Join(dir, "injection")
	if err := os.MkdirAll(injection, 0o755); err != nil {
		return Istiod{}, fmt.Errorf("making a directory for %s: %w", id, err)
	}
	loopback := func(n int) string { return fmt.Sprintf("127.0.0.1:%d", ports[n]) }
	spec := process.Spec{Name: id.String(), Path: program, Dir: dir, Log: log, Env: i.environment(), Args: []string{
		"discovery", "--kubeconfig", kubeconfig,
		"--httpsAddr", loopback(0), "--httpAddr", loopback(1), "--grpcAddr", loopback(2),
		"--secureGRPCAddr", loopback(3), "--monitoringAddr", loopback(4), "--ctrlz_port", "0",
		"--injectionDirectory", injection, "--meshConfig", filepath.Join(dir, "none"),
		"--networksConfig", filepath.Join(dir, "none"), "--profile=false",
	}}
	return Istiod{ID: id, Webhook: ports[0], Status: ports[1], Spec: spec}, nil
}

// environment is what the chart gives istiod's container.
func (i Install) environment() []string {
	id := i.ID()
	env := []string{
		"REVISION=" + id.Revision,
		"POD_NAMESPACE=" + id.Namespace,
		"POD_NAME=" + id.service() + "-lab",
		"SERVICE_ACCOUNT=" + id.service(),
		"PILOT_CERT_PROVIDER=istiod",
		"INJECTION_WEBHOOK_CONFIG_NAME=" + id.injector(),
		"VALIDATION_WEBHOOK_CONFIG_NAME=" + id.validator(),
		"CLUSTER_ID=Kubernetes",
		"ISTIOD_CUSTOM_HOST=" + id.service() + "." + id.Namespace + ".svc",
	}
	for name, value := range i.Env {
		env = append(env, name+"="+value)
	}
	return env
}
