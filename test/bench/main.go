// Command bench measures mesh-proxyver against what people paste today, on really injected pods in a lab, and prints the
// table of docs/performance.md. The commands run in turn, so that a drift of the machine's speed meets all of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

func main() {
	pods := flag.Int("pods", 1000, "pods to measure on, a multiple of 100")
	rounds := flag.Int("rounds", 5, "counted runs of each command")
	plugin := flag.String("plugin", "../bin/kubectl-mesh_proxyver", "the plugin's `file`, built without the race detector")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *plugin, *pods, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// replicas is the number of pods in each Deployment; ten Deployments share a namespace.
const replicas = 10

func run(ctx context.Context, plugin string, pods, rounds int) error {
	lab, err := cluster.Start(ctx, cluster.Options{Log: os.Stderr, Nodes: max(3, pods/100)})
	if err != nil {
		return err
	}
	defer lab.Stop()
	if err := lab.InstallIstio(ctx, cluster.Istio{Revision: "1-23", Tag: "1.23.0"}); err != nil {
		return err
	}
	load := cluster.Load{
		Namespaces: pods / 100, Deployments: 100 / replicas, Replicas: replicas,
		Labels: map[string]string{"istio.io/rev": "1-23"},
	}
	if err := lab.Load(ctx, load); err != nil {
		return err
	}
	contestants := []*contestant{
		{name: "kubectl mesh-proxyver -A -o json", args: []string{plugin, "-A", "-o", "json"}},
		{name: "kubectl mesh-proxyver -A", args: []string{plugin, "-A"}},
		{name: "kubectl get pods -A -o jsonpath=... \\| sort \\| grep proxyv2", args: []string{"sh", "-c", pasted(lab.Tool("kubectl"))}},
		{name: "kubectl mesh-proxyver --help", args: []string{plugin, "--help"}},
	}
	for round := range rounds + 1 {
		for _, c := range contestants {
			if err := c.measure(ctx, lab.Kubeconfig(), round > 0); err != nil {
				return err
			}
		}
	}
	print(pods, rounds, contestants)
	fmt.Printf("\nThe pasted command lists %d of these %d proxies.\n", contestants[2].lines, pods)
	return nil
}

// pasted is the command that upgrade guides give for listing proxies.
func pasted(kubectl string) string {
	return kubectl + ` get pods -A -o jsonpath='{range .items[*]}{"\n"}{.metadata.namespace}{"\t"}{.metadata.name}{":\t"}` +
		`{range .spec.containers[*]}{.image}{", "}{end}{end}' | sort | grep proxyv2 || true`
}
