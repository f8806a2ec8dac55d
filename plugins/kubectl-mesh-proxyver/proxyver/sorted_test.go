package proxyver

import (
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

func TestSortedRowsOfEveryGrouping(t *testing.T) {
	var text strings.Builder
	for _, by := range groupings() {
		for _, format := range []string{"", outputName} {
			o, _ := options()
			o.By, o.Output, o.SortBy, o.NoHeaders = by, format, ".proxy.version", true
			text.WriteString("--by " + by + " -o " + format + "\n" + printed(t, o, someItems()) + "\n")
		}
	}
	golden.Equal(t, "sorted.txt", text.String())
}

func TestSortedItemsOfEveryFormat(t *testing.T) {
	for format, want := range map[string]string{
		`jsonpath={.items[*].proxy.version}`: " 1.9.0 1.10.0 1.23.0 ",
		"json":                               `"version": "1.9.0"`,
		"custom-columns=V:.proxy.version":    "latest\n1.9.0\n1.10.0\n1.23.0\n",
	} {
		o, _ := options()
		o.Output, o.SortBy = format, "proxy.version"
		if got := printed(t, o, someItems()); !strings.Contains(got, want) {
			t.Errorf("-o %s: %q lacks %q", format, got, want)
		}
	}
}

func TestWhatIsEqualStaysInItsOrder(t *testing.T) {
	o, _ := options()
	o.By, o.Output, o.SortBy = byPod, outputName, ".ready"
	o2, _ := options()
	o2.By, o2.Output, o2.SortBy = byPod, outputName, ".proxy.native"
	items := []scan.Item{item("a/c", "", v1alpha1.Current), item("a/a", "", v1alpha1.Current), item("a/b", "", v1alpha1.Current)}
	for _, o := range []*Options{o, o2} {
		if got := printed(t, o, items); got != "pod/c\npod/a\npod/b\n" {
			t.Errorf("--sort-by %s: %q", o.SortBy, got)
		}
	}
}

func TestAFieldThatIsNoneIsRefusedWithoutACluster(t *testing.T) {
	for by, want := range map[string]string{
		".proxy.verison": `--sort-by ".proxy.verison": verison is not found; see an item's fields with -o json`,
		".proxy":         `--sort-by ".proxy": .proxy is a struct, which cannot be sorted by: name one of its fields`,
	} {
		for _, watch := range []bool{false, true} {
			o, _ := options()
			o.SortBy, o.Watch = by, watch
			if err := o.Validate(); message(err) != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
	for _, by := range []string{".verified.agrees", "{.workload.name}", "expected.tag", ".proxy.native"} {
		o, _ := options()
		o.SortBy = by
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", by, err)
		}
	}
}
