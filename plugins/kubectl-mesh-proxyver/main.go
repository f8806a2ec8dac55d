// Command kubectl-mesh-proxyver says which proxy every pod runs, and which it would run if it were created now.
package main

import (
	"os"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-proxyver/proxyver"
)

func main() { os.Exit(plugin.Main(proxyver.NewCommand)) }
