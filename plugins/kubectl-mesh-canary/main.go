// Command kubectl-mesh-canary takes a mesh from one revision of Istio to another.
package main

import (
	"os"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-canary/canary"
)

func main() { os.Exit(plugin.Main(canary.NewCommand)) }
