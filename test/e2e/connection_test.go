package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// connecting is a lab to which one is connected in every way that kubectl knows.
type connecting struct {
	lab    *cluster.Cluster
	config *rest.Config
	// ca is a file with the certificate of the API server's authority.
	ca string
	// want is what each command prints, by its first words.
	want map[string]string
}

// connectingNamespace has one pod.
const connectingNamespace = "connection"

// connected are the commands that are tried: one of the plugins that only look, and one of those that can do more.
func connected() map[string][]string {
	return map[string][]string{
		"mesh-proxyver": {"mesh-proxyver", "-n", connectingNamespace}, "mesh-canary": {"mesh-canary", "revisions", "-o", "name"},
	}
}

// TestConnectionIsKubectls: whatever leads kubectl to a cluster leads the plugins there as well.
func TestConnectionIsKubectls(t *testing.T) {
	lab := sharedLab(t)
	following(t, lab, connectingNamespace, oldRevision)
	c := &connecting{lab: lab, config: lab.RESTConfig(), ca: filepath.Join(t.TempDir(), "ca.crt"), want: map[string]string{}}
	if err := rest.LoadTLSFiles(c.config); err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.ca, string(c.config.CAData))
	for name, args := range connected() {
		r := kubectl(t, lab, args...)
		if c.want[name] = r.stdout; r.code != 0 || r.stdout == "" {
			t.Fatalf("%s: exit %d\nstdout: %s\nstderr: %s", name, r.code, r.stdout, r.stderr)
		}
	}
	t.Run("by", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"several files": c.bySeveralFiles, "a context": c.byContext, "cluster and user": c.byClusterAndUser, "another's name": c.byImpersonation,
			"flags alone": c.byFlagsAlone, "a file with a token": c.byTokenFile, "a credential plugin": c.byCredentialPlugin,
			"a proxy": c.byProxy, "being in the cluster": c.byBeingInTheCluster,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

// leads wants each of the commands to print what it prints to the administrator. kubeconfig is the value of KUBECONFIG.
func (c *connecting) leads(t *testing.T, kubeconfig string, flags ...string) {
	t.Helper()
	for name, args := range connected() {
		r := kubectlWith(t, c.lab.Tool("kubectl"), []string{"KUBECONFIG=" + kubeconfig}, append(args, flags...)...)
		if r.code != 0 || r.stdout != c.want[name] {
			t.Errorf("%s: exit %d, want\n%s\nstdout: %s\nstderr: %s", name, r.code, c.want[name], r.stdout, r.stderr)
		}
	}
}

// ends wants each of the commands to print nothing but one line, which has the texts.
func (c *connecting) ends(t *testing.T, kubeconfig string, texts []string, flags ...string) {
	t.Helper()
	for _, args := range connected() {
		r := kubectlWith(t, c.lab.Tool("kubectl"), []string{"KUBECONFIG=" + kubeconfig}, append(args, flags...)...)
		_, last, _ := strings.Cut("\n"+r.stderr, "\nerror: ")
		for _, text := range texts {
			if r.code != 1 || r.stdout != "" || strings.Count(last, "\n") != 1 || !strings.Contains(last, text) {
				t.Errorf("%v: exit %d, want 1 and one line with %q\nstdout: %s\nstderr: %s", args, r.code, text, r.stdout, r.stderr)
			}
		}
	}
}

// writeKubeconfig writes a file with what change makes of an empty one, and returns its path.
func writeKubeconfig(t *testing.T, change func(*clientcmdapi.Config)) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	change(config)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// cluster is the lab in a kubeconfig, user its administrator there.
func (c *connecting) cluster() *clientcmdapi.Cluster {
	return &clientcmdapi.Cluster{Server: c.config.Host, CertificateAuthorityData: c.config.CAData}
}

func (c *connecting) user() *clientcmdapi.AuthInfo {
	return &clientcmdapi.AuthInfo{Token: c.config.BearerToken}
}

// of is a kubeconfig of one cluster and one user.
func of(t *testing.T, at *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) string {
	t.Helper()
	return writeKubeconfig(t, func(k *clientcmdapi.Config) {
		k.Clusters["lab"], k.AuthInfos["me"] = at, user
		k.Contexts["mine"], k.CurrentContext = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "me"}, "mine"
	})
}

func (c *connecting) bySeveralFiles(t *testing.T) {
	where := writeKubeconfig(t, func(k *clientcmdapi.Config) { k.Clusters["lab"] = c.cluster() })
	who := writeKubeconfig(t, func(k *clientcmdapi.Config) {
		k.AuthInfos["me"] = c.user()
		k.Contexts["mine"], k.CurrentContext = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "me"}, "mine"
	})
	missing := filepath.Join(t.TempDir(), "is-not-there")
	c.leads(t, strings.Join([]string{where, missing, who}, string(filepath.ListSeparator)))
}

// elsewhere is a kubeconfig whose present context leads nowhere.
func (c *connecting) elsewhere(t *testing.T) string {
	t.Helper()
	return writeKubeconfig(t, func(k *clientcmdapi.Config) {
		k.Clusters["nowhere"], k.Clusters["lab"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}, c.cluster()
		k.AuthInfos["nobody"], k.AuthInfos["me"] = &clientcmdapi.AuthInfo{Token: "of-nobody"}, c.user()
		k.Contexts["present"] = &clientcmdapi.Context{Cluster: "nowhere", AuthInfo: "nobody"}
		k.Contexts["mine"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "me"}
		k.CurrentContext = "present"
	})
}

func (c *connecting) byContext(t *testing.T) {
	file := c.elsewhere(t)
	c.leads(t, file, "--context", "mine")
	c.ends(t, file, []string{`context "their" does not exist`}, "--context", "their")
}

func (c *connecting) byClusterAndUser(t *testing.T) {
	c.leads(t, c.elsewhere(t), "--cluster", "lab", "--user", "me")
}

// byImpersonation: the name alone may do nothing, and the message says who may not; the group may do everything.
func (c *connecting) byImpersonation(t *testing.T) {
	file := c.lab.Kubeconfig()
	c.leads(t, file, "--as", "somebody-else", "--as-group", "system:masters")
	r := kubectl(t, c.lab, "mesh-canary", "revisions", "--as", "somebody-else")
	if want := `User "somebody-else" cannot list resource "mutatingwebhookconfigurations"`; r.code != 1 || !strings.Contains(r.stderr, want) {
		t.Errorf("exit %d, want 1 and %s\n%s", r.code, want, r.stderr)
	}
}

func (c *connecting) byFlagsAlone(t *testing.T) {
	empty := writeKubeconfig(t, func(*clientcmdapi.Config) {})
	c.leads(t, empty, "--server", c.config.Host, "--token", c.config.BearerToken, "--certificate-authority", c.ca)
	c.ends(t, empty, []string{"certificate"}, "--server", c.config.Host, "--token", c.config.BearerToken)
	const wrong = "not-the-token"
	c.ends(t, empty, []string{"the cluster does not accept these credentials: see `kubectl auth whoami`"},
		"--server", c.config.Host, "--token", wrong, "--certificate-authority", c.ca)
}

func (c *connecting) byTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, c.config.BearerToken+"\n")
	c.leads(t, of(t, c.cluster(), &clientcmdapi.AuthInfo{TokenFile: file}))
}

// byCredentialPlugin has a program hand out the token, and wants it to be run. One that fails, and one that is not there, are what the
// message is about.
func (c *connecting) byCredentialPlugin(t *testing.T) {
	dir := t.TempDir()
	program, runs := filepath.Join(dir, "credentials"), filepath.Join(dir, "runs")
	writeProgram(t, program, fmt.Sprintf(`echo run >> %s
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
`, runs, c.config.BearerToken))
	by := func(program string) string {
		return of(t, c.cluster(), &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: program, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
		}})
	}
	c.leads(t, by(program))
	if text, err := os.ReadFile(runs); err != nil || strings.Count(string(text), "run\n") < len(connected()) {
		t.Errorf("the program ran %d times for %d commands: %v", strings.Count(string(text), "run\n"), len(connected()), err)
	}
	fails := filepath.Join(dir, "fails")
	writeProgram(t, fails, "echo 'log in first: cloud login' >&2\nexit 7\n")
	const advice = "see what it says when you run it yourself, and `kubectl config view --minify`"
	c.ends(t, by(fails), []string{"executable " + fails + " failed with exit code 7", advice})
	c.ends(t, by(filepath.Join(dir, "is-not-there")), []string{"is-not-there", advice})
}

func writeProgram(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// byProxy has a proxy between, and wants it to be asked for the API server.
func (c *connecting) byProxy(t *testing.T) {
	api, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != api.Host {
			http.Error(w, "only for the API server", http.StatusForbidden)
			return
		}
		asked.Add(1)
		tunnel(w, api.Host)
	}))
	t.Cleanup(proxy.Close)
	at := c.cluster()
	at.ProxyURL = proxy.URL
	c.leads(t, of(t, at, c.user()))
	if asked.Load() < int32(len(connected())) {
		t.Errorf("the proxy was asked %d times for %d commands", asked.Load(), len(connected()))
	}
}

// tunnel copies bytes to an address and back.
func tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	go func() {
		defer there.Close()
		_, _ = io.Copy(there, here)
	}()
	go func() {
		defer here.Close()
		_, _ = io.Copy(here, there)
	}()
}

// accountDir is where a pod finds its ServiceAccount. Source: InClusterConfig in k8s.io/client-go/rest.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// byBeingInTheCluster has the files of a ServiceAccount where a pod has them, and no kubeconfig. They are put there in a mount namespace of
// the command's own, so that nothing is left behind and nothing is overwritten that may be there. Only Linux has that, and pods.
func (c *connecting) byBeingInTheCluster(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Logf("%s has no mount namespaces: not tried", runtime.GOOS)
		return
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(c.config.Host, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, c.config.BearerToken)
	kubectl, home := c.lab.Tool("kubectl"), t.TempDir()
	script := fmt.Sprintf(`set -e
mount -t tmpfs none "$(readlink -f /var/run)"
mkdir -p %[1]s
cp %[2]s %[1]s/token
cp %[3]s %[1]s/ca.crt
printf %[4]s > %[1]s/namespace
exec "$@"`, accountDir, token, c.ca, connectingNamespace)
	unshare := append(unsharing(t), "sh", "-c", script, "sh", kubectl)
	for name, args := range map[string][]string{
		// The namespace is that of the pod.
		"mesh-proxyver": {"mesh-proxyver"}, "mesh-canary": connected()["mesh-canary"],
	} {
		cmd := exec.CommandContext(t.Context(), unshare[0], append(unshare[1:len(unshare):len(unshare)], args...)...)
		cmd.Env = []string{
			"PATH=" + pluginDir + ":" + filepath.Dir(kubectl) + ":/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + home, goAtOnce,
			"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port,
		}
		out, err := cmd.Output()
		if err != nil || string(out) != c.want[name] {
			t.Errorf("%s: %v, want\n%s\nstdout: %s\nstderr: %s", name, err, c.want[name], out, stderrOf(err))
		}
	}
}

// unsharing is a command that gives a program a mount namespace of its own: as root, or in a user namespace.
func unsharing(t *testing.T) []string {
	t.Helper()
	var last error
	for _, flags := range []string{"-m", "-rm"} {
		if last = exec.CommandContext(context.WithoutCancel(t.Context()), "unshare", flags, "true").Run(); last == nil {
			return []string{"unshare", flags}
		}
	}
	t.Fatalf("neither root nor user namespaces: %v", last)
	return nil
}

func stderrOf(err error) string {
	if exit := (*exec.ExitError)(nil); err != nil && errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}
