package canary

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

// run runs the command with those arguments, which must not come so far as to ask a cluster.
func run(args ...string) (stdout string, err error) {
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	cmd := NewCommand(streams)
	cmd.SetOut(out)
	cmd.SetErr(out)
	cmd.SetArgs(args)
	err = cmd.Execute()
	return out.String(), err
}

func TestHelp(t *testing.T) {
	for file, args := range map[string]string{
		"help.txt": "--help", "help-tag.txt": "tag --help", "help-list.txt": "tag list --help", "help-set.txt": "tag set --help",
		"help-remove.txt": "tag remove --help", "help-generate.txt": "tag generate --help",
		"help-retire.txt": "retire --help",
	} {
		t.Run(args, func(t *testing.T) {
			t.Setenv("HOME", "/home/you")
			out, err := run(strings.Fields(args)...)
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file, out)
		})
	}
}

func TestWhatContradictsItselfIsFoundBeforeAnythingIsAsked(t *testing.T) {
	const missing = "--revision is missing: `kubectl mesh-canary revisions` shows those that there are"
	for args, want := range map[string]string{
		"retire":                 "name one revision, such as 1-22: `kubectl mesh-canary revisions` shows those that there are",
		"retire 1-22 -n shop":    "a revision is of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i",
		"retire 1-22 -o nothing": `--output "nothing": use custom-columns`,
		"retire 1-22 --run --uninstall no-such-tool": "no-such-tool is not in PATH: install it, or add its directory to PATH",
		"retire 1-22 --run --uninstall aks":          "--uninstall aks needs the cluster's resource group and name: add --aks-resource-group and --aks-name",
		"tag set":                                    "name one tag, such as prod-stable; `kubectl mesh-canary tag list` shows those that there are",
		"tag set a b -r 1-22":                        "name one tag, such as prod-stable; `kubectl mesh-canary tag list` shows those that there are",
		"tag set a":                                  missing,
		"tag generate a":                             missing,
		"tag set a -r 1-22 -n shop":                  "tags are of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i",
		"tag set a -r 1-22 --dry-run=maybe":          `--dry-run "maybe": use none, client or server`,
		"tag remove a --timeout -1s":                 "--timeout -1s: use 0 or more",
		"tag list --chunk-size -1":                   "--chunk-size -1: use 0 or more",
		"tag list --sort-by .nmae":                   `--sort-by ".nmae": nmae is not found; see an item's fields with -o json`,
		"strat --yes":                                `unknown command "strat" for "kubectl mesh-canary"`,
		"tag sett":                                   `unknown command "sett" for "kubectl mesh-canary tag"`,
		"retire 1-22 --uninstall istioctl":           "--uninstall, --aks-resource-group and --aks-name say how to uninstall, which only --run does",
		"tag generate a -r 1-22 -o wide":             `--output "wide": objects have no table; use yaml, json or name`,
		"tag set A -r 1-22":                          `tag "A": its Service would be istiod-revision-tag-A, and a Service's name has lower-case letters, digits and "-" only, 63 of them at most; choose another name, such as prod-stable`,
		"tag list --nope":                            "unknown flag: --nope; see `kubectl mesh-canary tag list --help`",
		"tag list -o jsonpath={":                     `--output "jsonpath={": error parsing jsonpath {, unclosed action`,
		"tag set a -r 1-22 --istioNamespace x -o y":  "use custom-columns",
	} {
		if _, err := run(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", args, err, want)
		}
	}
}

func TestTables(t *testing.T) {
	list := v1alpha1.NewTagList([]v1alpha1.TagItem{
		{Tag: "prod-stable", Revision: "1-22", IstioNamespace: "istio-system", State: v1alpha1.TagWhole, Followers: v1alpha1.TagFollowers{
			ByLabel: []string{"a", "b"}, ByPod: []string{"c"}, Pods: 12, Gateways: []string{"a/gw"}}},
		{Tag: "left\x1b[31m", Revision: "1-21", IstioNamespace: "istio-system", State: v1alpha1.TagDangling, Reason: "revision 1-21 is not installed"},
	})
	change := &v1alpha1.TagChange{Tag: "prod-stable", Action: v1alpha1.TagMove, From: "1-22", To: "1-23", Namespaces: []string{"a"}, Pods: 3,
		Writes: []v1alpha1.TagWrite{{Verb: "delete", Kind: "Service", Namespace: "istio-system", Name: "istiod-revision-tag-prod-stable", Reason: "why"}}}
	for output, file := range map[string]string{"": "table", "wide": "wide", "name": "name"} {
		t.Run(file, func(t *testing.T) {
			var out bytes.Buffer
			streams := genericiooptions.IOStreams{Out: &out, ErrOut: &out}
			l := &tagListOptions{tagOptions: newTagOptions(streams)}
			c := newTagChangeOptions(streams)
			l.Output, c.Output = output, output
			if err := l.print(list); err != nil {
				t.Fatal(err)
			}
			if err := c.print(change); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, file+".txt", out.String())
		})
	}
}

func TestWhatIsSaidBeforeAChange(t *testing.T) {
	for file, change := range map[string]*v1alpha1.TagChange{
		"say-keep.txt": {Tag: "prod", Action: v1alpha1.TagKeep, To: "1-22"},
		"say-move.txt": {Tag: "prod", Action: v1alpha1.TagMove, From: "1-22", To: "1-23", Pods: 40, Gateways: []string{"a/gw"},
			Namespaces: []string{"a", "b", "c", "d", "e", "f", "g"}},
		"say-remove.txt": {Tag: "prod", Action: v1alpha1.TagRemove, From: "1-22", Pods: 1, Lost: 1, Namespaces: []string{"a"}, Uninjected: []string{"a"}},
	} {
		t.Run(file, func(t *testing.T) {
			var out bytes.Buffer
			o := newTagChangeOptions(genericiooptions.IOStreams{Out: &out, ErrOut: &out})
			o.say(change)
			golden.Equal(t, file, out.String())
		})
	}
}

func TestWhatIsAskedAbout(t *testing.T) {
	for _, c := range []struct {
		rule      string
		change    v1alpha1.TagChange
		overwrite bool
		want      string
	}{
		{"a tag that nobody follows yet", v1alpha1.TagChange{Action: v1alpha1.TagCreate}, false, ""},
		{"one that somebody follows already", v1alpha1.TagChange{Tag: "prod", Action: v1alpha1.TagCreate, To: "1-22", Namespaces: []string{"a"}}, false,
			"create tag prod for revision 1-22, with 1 namespace, 0 pods and 0 gateways"},
		{"a tag that moves", v1alpha1.TagChange{Tag: "prod", Action: v1alpha1.TagMove, From: "1-22", To: "1-23"}, false,
			"move tag prod from revision 1-22 to 1-23, with 0 namespaces, 0 pods and 0 gateways"},
		{"one that may be overwritten, and nobody follows", v1alpha1.TagChange{Action: v1alpha1.TagMove}, true, ""},
		{"one that may be overwritten", v1alpha1.TagChange{Tag: "prod", Action: v1alpha1.TagMove, From: "1-22", To: "1-23", Gateways: []string{"a/gw"}}, true,
			"move tag prod from revision 1-22 to 1-23, with 0 namespaces, 0 pods and 1 gateway"},
		{"one that goes, and nobody follows", v1alpha1.TagChange{Tag: "prod", Action: v1alpha1.TagRemove}, false, ""},
		{"the default one that goes", v1alpha1.TagChange{Tag: "default", Action: v1alpha1.TagRemove}, false, "remove tag default, with 0 namespaces, 0 pods and 0 gateways"},
		{"nothing to change", v1alpha1.TagChange{Action: v1alpha1.TagKeep}, false, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			streams, _, _, _ := genericiooptions.NewTestIOStreams()
			o := newTagChangeOptions(streams)
			err := o.confirm(t.Context(), &c.change, c.overwrite, false)
			want := ""
			if c.want != "" {
				want = "this would " + c.want + ": add --yes, or see it first with --dry-run=client"
			}
			if (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			o.Yes = true
			if err := o.confirm(t.Context(), &c.change, c.overwrite, false); err != nil {
				t.Errorf("with --yes: %v", err)
			}
		})
	}
}
