package controlplane

import (
	"fmt"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

// Names of the programs, in messages and in the list of components.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
)

// Etcd says how etcd is started. Its data does not survive the lab, so it never waits for the disk.
func (p *Plan) Etcd() process.Spec {
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", p.EtcdPort), fmt.Sprintf("http://127.0.0.1:%d", p.PeerPort)
	return p.spec(Etcd,
		"--data-dir", filepath.Join(p.Dir, "etcd"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
		"--unsafe-no-fsync", "--quota-backend-bytes", "6442450944", "--log-level", "warn")
}

// APIServer says how kube-apiserver is started.
func (p *Plan) APIServer() process.Spec {
	return p.spec(APIServer,
		"--etcd-servers", fmt.Sprintf("http://127.0.0.1:%d", p.EtcdPort),
		"--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1",
		"--secure-port", fmt.Sprint(p.APIPort),
		"--endpoint-reconciler-type", "none", // it refuses to publish a loopback address
		"--cert-dir", filepath.Join(p.Dir, "certs"),
		"--tls-cert-file", p.certs.ServerCert, "--tls-private-key-file", p.certs.ServerKey,
		"--service-cluster-ip-range", "10.96.0.0/12",
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file", p.certs.ServiceAccountKey,
		"--service-account-signing-key-file", p.certs.ServiceAccountKey,
		"--token-auth-file", p.file(tokensFile), "--authorization-mode", "RBAC", "--allow-privileged",
		"--audit-policy-file", p.file(auditFile), "--audit-log-path", p.AuditLog(),
		"--audit-log-maxsize", "100000", // megabytes: a reader follows one file, so it must never be rotated
		"--egress-selector-config-file", p.file(egressFile),
		"--max-requests-inflight", "3000", "--max-mutating-requests-inflight", "1500",
		"--shutdown-delay-duration", "0s", "--profiling=false")
}

// ControllerManager says how kube-controller-manager is started.
func (p *Plan) ControllerManager() process.Spec {
	return p.spec(ControllerManager, append(p.client(),
		"--service-account-private-key-file", p.certs.ServiceAccountKey, "--root-ca-file", p.certs.CA,
		"--concurrent-deployment-syncs", "20", "--concurrent-replicaset-syncs", "20",
		"--concurrent-endpoint-syncs", "10", "--concurrent-namespace-syncs", "20")...)
}

// Scheduler says how kube-scheduler is started.
func (p *Plan) Scheduler() process.Spec { return p.spec(Scheduler, p.client()...) }

// client returns the flags of a component that talks to the API server and to no one else.
func (p *Plan) client() []string {
	return []string{"--kubeconfig", p.Kubeconfig(), "--leader-elect=false", "--secure-port", "0",
		"--kube-api-qps", "500", "--kube-api-burst", "1000"}
}

// Kwok says how kwok, which plays every kubelet, is started.
func (p *Plan) Kwok() process.Spec {
	args := []string{"--kubeconfig", p.Kubeconfig(), "--manage-all-nodes", "--node-ip", "127.0.0.1",
		"--cidr", "10.64.0.0/10", "--node-lease-duration-seconds", "40",
		"--v", "WARN"} // it tells of every patch otherwise
	for _, stage := range p.stages {
		args = append(args, "--config", stage)
	}
	return p.spec(Kwok, args...)
}
