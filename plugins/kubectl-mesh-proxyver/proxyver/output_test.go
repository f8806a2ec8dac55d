package proxyver

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

func TestEveryGroupingAsATableAndAsNames(t *testing.T) {
	for _, by := range groupings() {
		for _, format := range []string{"", outputWide, outputName} {
			file := "by-" + by + ".txt"
			if format != "" {
				file = "by-" + by + "-" + format + ".txt"
			}
			t.Run(file, func(t *testing.T) {
				o, _ := options()
				o.By, o.Output = by, format
				golden.Equal(t, file, printed(t, o, someItems()))
			})
		}
	}
}

func TestTheReportForMachines(t *testing.T) {
	for file, format := range map[string]string{
		"report.json": "json", "report.yaml": "yaml",
		"report-jsonpath.txt":   `jsonpath={range .items[?(@.status=="outdated")]}{.namespace}/{.pod}{"\n"}{end}`,
		"report-template.txt":   `go-template={{range .items}}{{.pod}} {{.status}}{{"\n"}}{{end}}`,
		"report-empty.json":     "json",
		"report-by-ignored.txt": "jsonpath={.summary.pods}",
	} {
		t.Run(file, func(t *testing.T) {
			o, _ := options()
			o.Output, o.By = format, byVersion
			items := someItems()
			if file == "report-empty.json" {
				items = nil
			}
			golden.Equal(t, file, printed(t, o, items))
		})
	}
}

func TestATableWithoutHeaders(t *testing.T) {
	o, _ := options()
	o.NoHeaders = true
	got := printed(t, o, someItems()[:1])
	if want := "shop  deployment/cart  1  1.23.0  1.23.0  1-23  current\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsPrintedForNoPods(t *testing.T) {
	for _, format := range []string{"", outputWide, outputName} {
		o, _ := options()
		o.Output = format
		if got := printed(t, o, nil); got != "" {
			t.Errorf("-o %q prints %q", format, got)
		}
	}
}

func TestNamesFromAHostileClusterAreEscaped(t *testing.T) {
	hostile := item("shop/x", "", v1alpha1.Current, runs("\x1b[31m", "1.22.0"))
	for _, format := range []string{"", outputName} {
		o, _ := options()
		o.By, o.Output = byRevision, format
		if got := printed(t, o, []scan.Item{hostile}); strings.Contains(got, "\x1b") || !strings.Contains(got, `\x1b[31m`) {
			t.Errorf("-o %q prints %q", format, got)
		}
	}
}

func TestTheOrderOfThePodsDoesNotMatter(t *testing.T) {
	for _, by := range groupings() {
		o, _ := options()
		o.By = by
		want := printed(t, o, someItems())
		for range 20 {
			items := someItems()
			rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
			if got := printed(t, o, items); got != want {
				t.Fatalf("by %s: got\n%s\nwant\n%s", by, got, want)
			}
		}
	}
}

func TestVersionsAreSortedAsVersionsAndTheSameWayEachTime(t *testing.T) {
	sorted := func(tags ...string) []string {
		tally := newTally(groupingOf(byVersion))
		for _, tag := range tags {
			tally.at(groupKey{name: tag})
		}
		var names []string
		for _, g := range tally.sorted() {
			names = append(names, g.key.name)
		}
		return names
	}
	if got := sorted("1.10.0", "1.9.0", "1.23.0-rc.1", "1.23.0", "1.23.0-asm.1", ""); !slices.Equal(got,
		[]string{"", "1.9.0", "1.10.0", "1.23.0-rc.1", "1.23.0", "1.23.0-asm.1"}) {
		t.Errorf("got %q", got)
	}
	// These have no order: 1.9.0 < 1.10.0 as versions, and 1.10.0 < 1.5x < 1.9.0 as text.
	want := sorted("1.10.0", "1.9.0", "1.5x")
	for range 50 {
		if got := sorted("1.9.0", "1.5x", "1.10.0"); !slices.Equal(got, want) {
			t.Fatalf("got %q, then %q", want, got)
		}
	}
}

func TestTheStatusesOfARow(t *testing.T) {
	for _, c := range []struct {
		rule string
		c    counts[v1alpha1.Status]
		want string
	}{
		{"none", counts[v1alpha1.Status]{}, ""},
		{"one needs no count", counts[v1alpha1.Status]{v1alpha1.Current: 7}, "current"},
		{"several, the first that fits first", counts[v1alpha1.Status]{v1alpha1.Current: 7, v1alpha1.Unknown: 1, v1alpha1.Outdated: 2},
			"unknown (1), outdated (2), current (7)"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := statusList(c.c); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnImageWithoutAVersionShowsAsPeopleCompareIt(t *testing.T) {
	for ref, want := range map[string]string{
		"a/b@" + digest: "sha256:aaaaaaaaaaaa", "a/b": "a/b", "a/NAME:1": "a/NAME:1", "a/b:1@" + digest: "sha256:aaaaaaaaaaaa",
	} {
		if got := shortImage(ref); got != want {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Setenv("HOME", "/home/user")
	o, _ := options()
	cmd := NewCommand(o.IOStreams)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "help.txt", out.String())
}
