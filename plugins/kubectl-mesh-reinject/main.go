// Command kubectl-mesh-reinject restarts the workloads whose proxies are stale, in waves, and proves that it worked.
package main

import (
	"os"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/kubectl-mesh-reinject/reinject"
)

func main() { os.Exit(plugin.Main(reinject.NewCommand)) }
