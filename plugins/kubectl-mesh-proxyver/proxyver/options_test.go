package proxyver

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func TestTheStatusesThatTheExitCodeIsAbout(t *testing.T) {
	const all = "unknown, missing, orphaned, unexpected, outdated, ahead, mismatched, current or none"
	for _, c := range []struct {
		rule, value string
		want        []v1alpha1.Status
		err         string
	}{
		{"none at all, as from an unset variable", "", nil, `--exit-code=: "" is no status; use one or more of ` + all},
		{"without a value, all that is neither current nor none", "any", v1alpha1.Statuses()[:7], ""},
		{"one", "outdated", []v1alpha1.Status{"outdated"}, ""},
		{"several", "outdated, missing", []v1alpha1.Status{"outdated", "missing"}, ""},
		{"even current", "current", []v1alpha1.Status{"current"}, ""},
		{"none that exists", "stale", nil, `--exit-code=stale: "stale" is no status; use one or more of ` + all},
		{"one of them none that exists", "outdated,stale", nil, `--exit-code=outdated,stale: "stale" is no status; use one or more of ` + all},
		{"an empty one", "outdated,", nil, `--exit-code=outdated,: "" is no status; use one or more of ` + all},
		{"another case", "Outdated", nil, `--exit-code=Outdated: "Outdated" is no status; use one or more of ` + all},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := parseExitCode(c.value)
			if !slices.Equal(got, c.want) || message(err) != c.err {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWhatContradictsItselfIsFoundBeforeAnythingIsAsked(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*Options)
		want   string
	}{
		{"the defaults are valid", func(*Options) {}, ""},
		{"a grouping", func(o *Options) { o.By = "cluster" }, `--by "cluster": use workload, pod, namespace, version, revision or node`},
		{"no grouping", func(o *Options) { o.By = "" }, `--by "": use workload, pod, namespace, version, revision or node`},
		{"the size of pages", func(o *Options) { o.Chunk = -1 }, "--chunk-size -1: use 0 or more"},
		{"pages of any size", func(o *Options) { o.Chunk = 0 }, ""},
		{"a workload across namespaces", func(o *Options) { o.AllNamespaces, o.Args = true, []string{"deployment/cart"} },
			"a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names"},
		{"a label selector", func(o *Options) { o.LabelSelector = "a in" },
			`--selector "a in": unable to parse requirement: found '' expected: '('`},
		{"a field selector", func(o *Options) { o.FieldSelector = "a" },
			`--field-selector "a": invalid selector: 'a'; can't understand 'a'`},
		{"a name without a type", func(o *Options) { o.Args = []string{"cart"} },
			`"cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		{"a type without a name", func(o *Options) { o.Args = []string{"deployment/"} },
			`"deployment/": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		{"a namespace in the name", func(o *Options) { o.Args = []string{"deployment/shop/cart"} },
			`"deployment/shop/cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		{"every name is looked at", func(o *Options) { o.Args = []string{"deployment/cart", "x"} },
			`"x": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		{"a status where a name should be", func(o *Options) { o.Args = []string{"outdated"} },
			`"outdated" is a status, not TYPE/NAME: to narrow the exit code, write --exit-code=outdated`},
		{"names", func(o *Options) { o.Args = []string{"deployment/cart", "statefulsets.apps/db"} }, ""},
		{"an output", func(o *Options) { o.Output = "xml" },
			`--output "xml": use custom-columns, custom-columns-file, go-template, go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, template, templatefile, wide or yaml`},
		{"an output's template", func(o *Options) { o.Output = "jsonpath={.items" },
			`--output "jsonpath={.items": error parsing jsonpath {.items, unclosed action`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, _ := options()
			c.change(o)
			if got := message(o.Validate()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestListsReadAsSentences(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := plugin.OrList(words); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIstioctlsSpellingIsTaken(t *testing.T) {
	o, _ := options()
	cmd := NewCommand(o.IOStreams)
	if err := cmd.ParseFlags([]string{"--istioNamespace", "mesh", "--exit-code"}); err != nil {
		t.Fatal(err)
	}
	if got := cmd.Flags().Lookup("istio-namespace").Value.String(); got != "mesh" {
		t.Errorf("got %q", got)
	}
	if got := cmd.Flags().Lookup("exit-code").Value.String(); got != anyFinding {
		t.Errorf("--exit-code alone is %q", got)
	}
}

func FuzzParseExitCode(f *testing.F) {
	for _, value := range []string{"", "any", "outdated", "outdated,missing", " ahead ,", ",", "current,none", "any,missing", "\x00"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := parseExitCode(value)
		if err != nil && (got != nil || !strings.HasPrefix(err.Error(), "--exit-code="+value)) {
			t.Errorf("got %q, %v", got, err)
		}
		if err == nil && value != "" && len(got) == 0 {
			t.Errorf("%q is about nothing", value)
		}
		for _, s := range got {
			if !slices.Contains(v1alpha1.Statuses(), s) {
				t.Errorf("%q is no status", s)
			}
		}
	})
}

func FuzzValidateName(f *testing.F) {
	for _, arg := range []string{"", "deployment/cart", "outdated", "/", "a/b/c", "deployment/", "/cart", "statefulsets.v1.apps/db"} {
		f.Add(arg)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		kind, name, _ := strings.Cut(arg, "/")
		sound := kind != "" && name != "" && strings.Count(arg, "/") == 1
		if err := validateName(arg); (err == nil) != sound {
			t.Errorf("%q: %v", arg, err)
		}
	})
}
