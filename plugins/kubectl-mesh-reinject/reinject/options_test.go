package reinject

import (
	"bytes"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// options returns options with their defaults, and what they print to stdout and stderr.
func options() (*Options, *bytes.Buffer, *bytes.Buffer) {
	var out, errOut bytes.Buffer
	return NewOptions(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &errOut}), &out, &errOut
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWhatContradictsItselfIsFoundBeforeAnythingIsAsked(t *testing.T) {
	const wait = "--wait=false does not see how the workloads fare, which "
	for _, c := range []struct {
		rule   string
		change func(*Options)
		want   string
	}{
		{"the defaults are valid", func(*Options) {}, ""},
		{"a name without a type", func(o *Options) { o.Args = []string{"cart"} }, `"cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		{"a status", func(o *Options) { o.Include = []string{"missing", "outdated"} }, `--include "outdated": use missing or unexpected`},
		{"a dry run", func(o *Options) { o.DryRun = "yes" }, `--dry-run "yes": use none, client or server`},
		{"a name across namespaces", func(o *Options) { o.AllNamespaces, o.Args = true, []string{"deployment/cart"} },
			"a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names"},
		{"a name and a selector", func(o *Options) { o.LabelSelector, o.Args = "app=cart", []string{"deployment/cart"} },
			"a workload is either named or selected: use either TYPE/NAME or -l"},
		{"the size of pages", func(o *Options) { o.Chunk = -1 }, "--chunk-size -1: use 0 or more"},
		{"a time", func(o *Options) { o.Timeout = -time.Second }, "--timeout -1s: use 0 or more"},
		{"a field selector", func(o *Options) { o.FieldSelector = "a" }, `--field-selector "a": invalid selector: 'a'; can't understand 'a'`},
		{"an output", func(o *Options) { o.Output = "xml" },
			`--output "xml": use custom-columns, custom-columns-file, go-template, go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, template, templatefile, wide or yaml`},
		{"an output of its own", func(o *Options) { o.Output = "wide" }, ""},
		{"what is said of the pace", func(o *Options) { o.Pacing.MaxParallel = 0 }, "--max-parallel 0: use 1 or more"},
		{"no waiting", func(o *Options) { o.Wait = false }, ""},
		{"no waiting for canaries", func(o *Options) { o.Wait, o.Pacing.Canary = false, 1 }, wait + "--canary needs: use either"},
		{"none between namespaces; the first is told", func(o *Options) { o.Wait, o.Pacing.Pause, o.Pacing.Surge = false, 1, true }, wait + "--pause needs: use either"},
		{"none for what is held back", func(o *Options) { o.Wait, o.Pacing.Partitioned = false, true }, wait + "--include-partitioned needs: use either"},
		{"none for evictions", func(o *Options) { o.Wait, o.Pacing.Method = false, "evict" }, wait + "--method evict needs: use either"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, _, _ := options()
			c.change(o)
			if got := message(o.Validate()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	o, _, _ := options()
	o.LabelSelector = "a in"
	if got := message(o.Complete(nil)); got != `--selector "a in": unable to parse requirement: found '' expected: '('` {
		t.Errorf("got %s", got)
	}
}

func TestWhatTheFlagsSayOfThePlan(t *testing.T) {
	o, _, _ := options()
	o.Include, o.All = []string{"missing", "unexpected"}, true
	if p := o.plan(); !p.All || !p.Missing || !p.Unexpected {
		t.Errorf("got %+v", p)
	}
}
