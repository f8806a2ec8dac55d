package proxyver

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func TestTypesAreKnownWithoutACluster(t *testing.T) {
	cart := workload.Ref{Group: "apps", Kind: "Deployment"}
	gateway := workload.Ref{Group: gatewayGroup, Kind: "Gateway"}
	for word, want := range map[string]workload.Ref{
		"deploy": cart, "deployment": cart, "Deployments": cart, "deployment.apps": cart, "deployments.v1.apps": cart,
		"po": {Kind: "Pod"}, "cj": {Group: "batch", Kind: "CronJob"}, "job.batch": {Group: "batch", Kind: "Job"}, "rc": {Kind: "ReplicationController"},
		"gtw": gateway, "gateway.gateway.networking.k8s.io": gateway, "gateways.v1.gateway.networking.k8s.io": gateway,
		"rollout.argoproj.io": {Group: "argoproj.io", Kind: "Rollout"}, "dc": {Group: "apps.openshift.io", Kind: "DeploymentConfig"},
	} {
		if got, ok := offlineKind(word); !ok || got != want {
			t.Errorf("%s: %+v, %v", word, got, ok)
		}
	}
	for _, word := range []string{"", "thing", "gateway.networking.istio.io", "deployment.example.com", "deployment.v1.example.com", "pods.metrics.k8s.io"} {
		if got, ok := offlineKind(word); ok {
			t.Errorf("%q is taken for %+v", word, got)
		}
	}
}

func TestWhatADumpCannotTellIsRefused(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*Options)
		want   string
	}{
		{"nothing", func(*Options) {}, ""},
		{"--watch", func(o *Options) { o.Watch = true }, "--filename: a dump does not change: leave --watch out"},
		{"--verify", func(o *Options) { o.Verify = true }, "--filename: --verify asks the real injector, which a dump has not: leave it out"},
		{"names in no namespace", func(o *Options) { o.Args = []string{"deploy/a", "pod/b"} }, "--filename: name the namespace of deploy/a, pod/b with -n"},
		{"names in a namespace", func(o *Options) { o.Args, o.namespace = []string{"deploy/a"}, "shop" }, ""},
		{"a field that is read", func(o *Options) { o.FieldSelector = "status.phase!=Failed" }, ""},
		{"a field that is not", func(o *Options) { o.FieldSelector = "status.podIP=1.2.3.4" },
			`--field-selector "status.podIP=1.2.3.4": of a dump's pods there is only metadata.name, metadata.namespace, spec.nodeName or status.phase`},
		{"an empty name", func(o *Options) { o.Filename, o.filenameGiven = "", true }, "--filename is empty: name a file, or - for standard input"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, _ := options()
			o.Filename = "dump.json"
			c.change(o)
			if err := o.Validate(); message(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestADumpIsReadFromWhereItIs(t *testing.T) {
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop","name":"cart"}}`
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("-dump", []byte(pod), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("-none", []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, stdin, want string }{
		{"-dump", "", ""},
		{"-", pod, ""},
		{"-none", "", "reading -none: this is no dump of a cluster: it is an HTML page; "},
		{"-", "<html>", "reading standard input: this is no dump of a cluster: it is an HTML page; "},
		{dir, "", "reading " + dir + ": it is a directory; name a file in it"},
		{filepath.Join(dir, "gone"), "", "open " + filepath.Join(dir, "gone") + ": no such file or directory"},
	} {
		o, _ := options()
		o.In, o.Filename = strings.NewReader(c.stdin), c.name
		dump, err := o.readDump(t.Context())
		if (dump == nil) == (c.want == "") || (err == nil) != (c.want == "") || !strings.HasPrefix(message(err), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestWaitingForADumpEndsWithItsContext(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	o, _ := options()
	o.In, o.Filename = in, "-"
	cancel()
	if _, err := o.readDump(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
