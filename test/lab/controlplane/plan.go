// Package controlplane says how each Kubernetes program of a lab is started: its flags and the files they name.
package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/certs"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/kwok"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

// The token opens nothing but a throw-away API server on loopback.
const token = "lab-admin"

// Plan is what the programs of one lab share.
type Plan struct {
	Dir          string                   // where files, data and logs go
	Tool         func(name string) string // path of a program
	EtcdPort     int
	PeerPort     int // etcd opens it although it has no peers
	APIPort      int
	EgressSocket string // where the API server sends what is meant for a Service

	certs  certs.Files
	stages []string
}

// Kubeconfig returns the path of the administrator's kubeconfig.
func (p *Plan) Kubeconfig() string { return filepath.Join(p.Dir, "kubeconfig") }

// AuditLog returns the path of the API server's audit log.
func (p *Plan) AuditLog() string { return filepath.Join(p.Dir, "audit.log") }

// LogOf returns the path of a program's log.
func (p *Plan) LogOf(name string) string { return filepath.Join(p.Dir, "logs", name+".log") }

func (p *Plan) file(name string) string { return filepath.Join(p.Dir, "config", name) }

// Write writes every file the programs need. The error says which one could not be written.
func (p *Plan) Write() error {
	for _, dir := range []string{"config", "logs", "kubectl-cache"} {
		if err := os.MkdirAll(filepath.Join(p.Dir, dir), 0o755); err != nil {
			return fmt.Errorf("making the lab's state directory: %w", err)
		}
	}
	var err error
	if p.certs, err = certs.Write(filepath.Join(p.Dir, "certs")); err != nil {
		return err
	}
	if p.stages, err = kwok.WriteStages(filepath.Join(p.Dir, "stages")); err != nil {
		return err
	}
	for name, content := range map[string]string{
		tokensFile: token + `,lab-admin,lab-admin,"system:masters"` + "\n",
		auditFile:  auditPolicy,
		egressFile: fmt.Sprintf(egressSelector, p.EgressSocket),
	} {
		if err := os.WriteFile(p.file(name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return p.writeKubeconfig()
}

func (p *Plan) writeKubeconfig() error {
	ca, err := os.ReadFile(p.certs.CA)
	if err != nil {
		return fmt.Errorf("reading the lab's certificate authority: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://127.0.0.1:%d", p.APIPort),
		CertificateAuthorityData: ca,
	}
	config.AuthInfos["lab-admin"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "lab-admin"}
	config.CurrentContext = "lab"
	if err := clientcmd.WriteToFile(*config, p.Kubeconfig()); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}

func (p *Plan) spec(name string, args ...string) process.Spec {
	return process.Spec{Name: name, Path: p.Tool(name), Args: args, Dir: p.Dir, Log: p.LogOf(name)}
}

// KubectlCache returns the directory in which kubectl may keep what it discovered.
func (p *Plan) KubectlCache() string { return filepath.Join(p.Dir, "kubectl-cache") }
