package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// oneCommand makes a dump, as errors say.
const oneCommand = "; this makes one: kubectl get mutatingwebhookconfigurations,namespaces,configmaps,services,proxyconfigs,gateways.gateway.networking.k8s.io," +
	"replicasets,deployments,daemonsets,statefulsets,replicationcontrollers,jobs,pods -A -o json\n"

const kubeconfig = `apiVersion: v1
kind: Config
clusters: []
users: [{name: me, user: {token: secret}}]
`

// TestWhatIsNoDumpIsToldApart needs no cluster, and no configuration of one.
func TestWhatIsNoDumpIsToldApart(t *testing.T) {
	for rule, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "it is empty"},
		"a login page":   {"<!DOCTYPE html><html><body>Sign in</body></html>", "it is an HTML page"},
		"a kubeconfig":   {kubeconfig, "it is a kubeconfig"},
		"a table":        {"NAMESPACE   NAME     READY   STATUS\nshop        cart-1   2/2     Running\n", "it is the table that kubectl prints without `-o json`"},
		"something else": {"\x7fELF\x02\x01\x01\x00\x00", "it is binary"},
		"compressed":     {gzipped(t, "<html></html>"), "it is an HTML page"},
	} {
		t.Run(rule, func(t *testing.T) {
			file := saved(t, c.text)
			why := "this is no dump of a cluster: " + c.want + oneCommand
			wantFailure(t, offlineAlone(t, "", "-f", file), 1, "error: reading "+file+": "+why)
			wantFailure(t, offlineAlone(t, c.text, "-f", "-"), 1, "error: reading standard input: "+why)
		})
	}
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		wantFailure(t, offlineAlone(t, "", "-f", dir), 1, "error: reading "+dir+": it is a directory; name a file in it\n")
	})
	t.Run("a file that is not there", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gone.json")
		wantFailure(t, offlineAlone(t, "", "-f", file), 1, "error: open "+file+": no such file or directory\n")
	})
}

const podAlone = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-1","namespace":"shop","labels":{"app":"cart"}}}`

// TestADumpIsNotAskedForWhatItCannotTell has the flags that make no sense with a dump.
func TestADumpIsNotAskedForWhatItCannotTell(t *testing.T) {
	for rule, c := range map[string]struct {
		args []string
		want string
	}{
		"--watch":                   {[]string{"-w"}, "--filename: a dump does not change: leave --watch out"},
		"--verify":                  {[]string{"--verify"}, "--filename: --verify asks the real injector, which a dump has not: leave it out"},
		"a field that is not read":  {[]string{"--field-selector", "spec.restartPolicy=Never"}, `--field-selector "spec.restartPolicy=Never": of a dump's pods there is only metadata.name, metadata.namespace, spec.nodeName or status.phase`},
		"a name in no namespace":    {[]string{"deploy/cart"}, "--filename: name the namespace of deploy/cart with -n"},
		"a namespace not there":     {[]string{"-n", "bank"}, `namespace "bank" is not in the dump`},
		"a workload not there":      {[]string{"deploy/web", "-n", "shop"}, "neither deployment/web of namespace shop nor a pod of it is in the dump"},
		"another group's kind":      {[]string{"gateway.networking.istio.io/gw", "-n", "shop"}, `"gateway.networking.istio.io/gw": a dump does not tell what a "gateway.networking.istio.io" is; name a pod or a workload`},
		"a type that nobody knows":  {[]string{"thing/x", "-n", "shop"}, `"thing/x": a dump does not tell what a "thing" is; name a pod or a workload`},
		"a namespace as a workload": {[]string{"ns/shop", "-n", "shop"}, "namespace/shop is no workload: to see a namespace, use -n shop"},
	} {
		t.Run(rule, func(t *testing.T) {
			wantFailure(t, offlineAlone(t, podAlone, append(c.args, "-f", "-")...), 1, "error: "+c.want+"\n")
		})
	}
	t.Run("no file", func(t *testing.T) {
		wantFailure(t, offlineAlone(t, "", "-f", ""), 1, "error: --filename is empty: name a file, or - for standard input\n")
	})
	t.Run("a namespace that is there only by its pods", func(t *testing.T) {
		r := offlineAlone(t, podAlone, "-f", "-", "-n", "shop", "--no-headers")
		if squeeze(r.stdout) != "shop pod/cart-1 1 - - - unknown\n" || r.code != 1 {
			t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
		}
	})
}

// TestWaitingForADumpCanBeInterrupted: standard input may never end.
func TestWaitingForADumpCanBeInterrupted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), filepath.Join(pluginDir, "kubectl-mesh_proxyver"), "-f", "-")
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = []string{"HOME=" + t.TempDir()}, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A pipe takes more than it can hold only while somebody reads: from then on signals are caught.
	if _, err := stdin.Write(bytes.Repeat([]byte("\n"), 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || stderr.String() != "error: interrupted\n" {
		t.Errorf("exit %d, stderr %q", code, stderr.String())
	}
}
