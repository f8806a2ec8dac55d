package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// dumped are the kinds that the contract's command asks for.
const dumped = "mutatingwebhookconfigurations,namespaces,configmaps,services,proxyconfigs,gateways,replicasets,deployments," +
	"daemonsets,statefulsets,jobs,pods"

// more are kinds that are read as well where a dump has them.
const more = ",replicationcontrollers,validatingwebhookconfigurations"

// makeDump dumps these kinds with kubectl, as a user does.
func makeDump(t *testing.T, lab *cluster.Cluster, kinds, format string) string {
	t.Helper()
	r := kubectl(t, lab, "get", kinds, "-A", "-o", format)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("kubectl get %s: exit %d, %s", kinds, r.code, r.stderr)
	}
	return r.stdout
}

// offline runs the plugin through kubectl where there is no cluster, and no configuration of one.
func offline(t *testing.T, lab *cluster.Cluster, stdin string, args ...string) result {
	t.Helper()
	return runOffline(t, exec.CommandContext(t.Context(), lab.Tool("kubectl"), append([]string{"mesh-proxyver"}, args...)...), stdin)
}

// offlineAlone runs the plugin without kubectl, so that no lab is needed.
func offlineAlone(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return runOffline(t, exec.CommandContext(t.Context(), filepath.Join(pluginDir, "kubectl-mesh_proxyver"), args...), stdin)
}

func runOffline(t *testing.T, cmd *exec.Cmd, stdin string) result {
	t.Helper()
	nowhere := "http://127.0.0.1:1"
	cmd.Env = []string{"PATH=" + pluginDir, "HOME=" + t.TempDir(), goAtOnce, "KUBECONFIG=/nonexistent/config",
		"HTTPS_PROXY=" + nowhere, "HTTP_PROXY=" + nowhere}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func saved(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dump")
	writeFile(t, file, text)
	return file
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestADumpAnswersAsItsCluster compares every answer from a dump with the cluster's own: data, messages and exit code.
func TestADumpAnswersAsItsCluster(t *testing.T) {
	// Each answer is about the whole cluster, and there are many: on one that other tests have filled they take a multiple of the time.
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	z := createZoo(t, lab, "dumped")
	z.manage()
	var whole string
	var live result
	eventually(t, time.Minute, func() error {
		whole = makeDump(t, lab, dumped+more, "json")
		live = kubectl(t, lab, "mesh-proxyver", "-A", "--all", "-o", "json")
		if got := offline(t, lab, "", "-f", saved(t, whole), "--all", "-o", "json"); got != live {
			return errors.New("the dump's answer is another: " + differs(got, live))
		}
		return nil
	})
	z.isCompleteBut(itemsOf(t, live), "")
	t.Run("in every format", func(t *testing.T) { inEveryFormat(t, lab, live) })
	t.Run("with every flag", func(t *testing.T) { withEveryFlag(t, lab, z, saved(t, whole)) })
	d := partsOf(t, whole)
	t.Run("less what it lacks", func(t *testing.T) { lessWhatItLacks(t, d, itemsOf(t, live)) })
	t.Run("as far as it goes", func(t *testing.T) { asFarAsItGoes(t, d, itemsOf(t, live)) })
}

// differs shows the first line that differs.
func differs(got, want result) string {
	for _, c := range []struct{ what, got, want string }{{"stderr", got.stderr, want.stderr}, {"stdout", got.stdout, want.stdout}} {
		a, b := strings.Split(c.got, "\n"), strings.Split(c.want, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return c.what + ": got " + a[i] + ", want " + b[i]
			}
		}
		if len(a) != len(b) {
			return c.what + ": " + c.got + "\nwant " + c.want
		}
	}
	return ""
}

// isCompleteBut sees that the zoo has one of everything, but for one thing.
func (z zoo) isCompleteBut(items map[string]item, without string) {
	z.t.Helper()
	seen := map[string]bool{}
	for _, i := range items {
		if strings.HasPrefix(i.Namespace, z.name+"-") {
			seen[i.Status], seen[i.Type], seen[i.Workload.Kind], seen[i.Phase] = true, true, true, true
			seen["native"] = seen["native"] || i.Proxy != nil && i.Proxy.Native
		}
	}
	for _, want := range []string{
		"unknown", "missing", "orphaned", "unexpected", "outdated", "ahead", "mismatched", "current", "none",
		"sidecar", "gateway", "waypoint", "ztunnel", "cni", "native", "Succeeded", "Pending",
		"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicationController", "ReplicaSet", "Pod",
	} {
		if !seen[want] && want != without {
			z.t.Errorf("the zoo has no %s", want)
		}
	}
}

// stream dumps each kind by itself, one after another.
func stream(t *testing.T, lab *cluster.Cluster, kinds []string, format, between string) string {
	t.Helper()
	var parts []string
	for _, kind := range kinds {
		parts = append(parts, makeDump(t, lab, kind, format))
	}
	return strings.Join(parts, between)
}

func inEveryFormat(t *testing.T, lab *cluster.Cluster, live result) {
	kinds := strings.Split(dumped, ",")
	reversed := slices.Clone(kinds)
	slices.Reverse(reversed)
	shuffled := []string{"jobs", "pods", "configmaps", "gateways", "deployments", "mutatingwebhookconfigurations", "replicasets",
		"services", "statefulsets", "proxyconfigs", "namespaces", "daemonsets"}
	for name, text := range map[string]string{
		"a JSON list":                makeDump(t, lab, dumped, "json"),
		"a YAML list":                makeDump(t, lab, dumped, "yaml"),
		"a stream of JSON":           stream(t, lab, kinds, "json", ""),
		"a stream of YAML":           stream(t, lab, kinds, "yaml", "---\n"),
		"kinds in reverse":           makeDump(t, lab, strings.Join(reversed, ","), "json"),
		"kinds shuffled":             makeDump(t, lab, strings.Join(shuffled, ","), "yaml"),
		"a stream of kinds shuffled": stream(t, lab, shuffled, "json", "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--all", "-o", "json"}
			for how, got := range map[string]result{
				"file":                 offline(t, lab, "", append(args, "-f", saved(t, text))...),
				"file, gzip":           offline(t, lab, "", append(args, "-f", saved(t, gzipped(t, text)))...),
				"standard input":       offline(t, lab, text, append(args, "-f", "-")...),
				"standard input, gzip": offline(t, lab, gzipped(t, text), append(args, "-f", "-")...),
			} {
				if got != live {
					t.Errorf("%s: exit %d: %s", how, got.code, differs(got, live))
				}
			}
		})
	}
}

func withEveryFlag(t *testing.T, lab *cluster.Cluster, z zoo, file string) {
	current, tag := z.in("current"), z.in("gw-by-tag")
	for _, args := range []string{
		"-A", "-A --all", "-A --all -o wide", "-A -o yaml", "-A -o name", "-A -o custom-columns=POD:.pod,STATUS:.status",
		"-A -o jsonpath={.summary}", "-A --no-headers", "-A --exit-code", "-A --exit-code=ahead", "-n " + current + " --exit-code=missing",
		"-n " + z.in("outdated") + " --exit-code=outdated", "-n " + z.in("dangling"), "-n " + z.in("none") + " -o wide",
		"-A --by pod", "-A --by namespace", "-A --by version", "-A --by revision", "-A --by node", "-A --by workload --all",
		"-A --sort-by .proxy.version", "-A --by pod --sort-by .status -o wide", "-A -i istio-system", "-A -i zoo-istio", "-A -i nowhere",
		"-n " + current, "-A -l app=app", "-A -l app!=app,istio.io/rev", "-A --field-selector spec.nodeName=node-1",
		"-A --field-selector status.phase=Succeeded --all", "-A --field-selector metadata.namespace!=" + current,
		"deploy/app -n " + current, "deployment.apps/app -n " + current, "deployments.v1.apps/app rs/lone -n " + current,
		"sts/db ds/agent job/once -n " + current, "cronjob/nightly -n " + current + " -o wide", "pod/bare po/pending -n " + current,
		"gateway.gateway.networking.k8s.io/gw -n " + tag, "gtw/gw -n " + tag, "rc/old -n " + current + " -o name",
		"deploy/app -l app=other -n " + current, "ns/default -n " + current, "node/node-1 -n " + current, "svc/kubernetes -n default",
	} {
		t.Run(args, func(t *testing.T) {
			fields := strings.Fields(args)
			want := kubectl(t, lab, append([]string{"mesh-proxyver"}, fields...)...)
			got := offline(t, lab, "", append(fields, "-f", file)...)
			if got != want {
				t.Errorf("exit %d, want %d: %s", got.code, want.code, differs(got, want))
			}
		})
	}
}
