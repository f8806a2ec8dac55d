// Package supervisor keeps a lab running in a process of its own and lets other processes command it over a Unix
// socket in the lab's state directory.
package supervisor

import (
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/socket"
)

// Status is how the lab is. Ready is false while it starts.
type Status struct {
	Ready      bool            `json:"ready"`
	Components []process.State `json:"components"`
}

// Istiod names one istiod of the lab.
type Istiod struct {
	Namespace string `json:"namespace"`
	Revision  string `json:"revision"`
}

// failure is the body of an answer that is not 200.
type failure struct {
	Error string `json:"error"`
}

const (
	statusPath  = "/status"
	stopPath    = "/stop"
	istioPath   = "/istio"
	outagePath  = "/outage"
	restorePath = "/restore"
	loadPath    = "/load"
)

func socketOf(dir string) string { return socket.Path(dir, "lab") }
