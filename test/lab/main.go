// Lab runs a real Kubernetes with real Istio on this machine, without containers.
package main

import (
	"os"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
