package proxyver

import (
	"bytes"
	"cmp"
	"errors"
	"testing"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

func TestTheStreamIsWhatKubectlPrintsOfTheWholeReport(t *testing.T) {
	awkward := item("shop/<a>&b", "", v1alpha1.Unknown, runs("\xff\u2028", "<&>"), func(i *scan.Item) {
		i.Verdict.Reason = "\"quoted\" \\ \x01 \xc3 <script>\nline"
		i.Verified = &v1alpha1.Verified{Refused: "a & b"}
	})
	for rule, items := range map[string][]scan.Item{
		"no item":                        nil,
		"one":                            someItems()[:1],
		"many":                           someItems(),
		"one with awkward texts":         {awkward},
		"many with awkward texts within": append(someItems(), awkward, awkward),
	} {
		t.Run(rule, func(t *testing.T) {
			var rows []v1alpha1.ProxyItem
			for _, i := range items {
				rows = append(rows, i.Report())
			}
			var want bytes.Buffer
			if err := (&printers.JSONPrinter{}).PrintObj(v1alpha1.NewProxyReport(rows), &want); err != nil {
				t.Fatal(err)
			}
			o, _ := options()
			o.Output = outputJSON
			if got := printed(t, o, items); got != want.String() {
				t.Errorf("got\n%s\nwant\n%s", got, want.String())
			}
		})
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTheErrorOfAStreamIsTheWriters(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		o, _ := options()
		o.Output = outputJSON
		out, err := o.output(full{})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			err = cmp.Or(err, out.add(someItems()[0]))
		}
		if err = cmp.Or(err, out.finish()); !errors.Is(err, errFull) {
			t.Errorf("%d items: %v", n, err)
		}
	}
}
