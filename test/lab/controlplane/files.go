package controlplane

const (
	tokensFile = "tokens.csv"
	auditFile  = "audit-policy.yaml"
	egressFile = "egress.yaml"
)

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// The addresses of Services lead nowhere in a lab; the API server hands what it would send there to the egress proxy.
const egressSelector = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
`
