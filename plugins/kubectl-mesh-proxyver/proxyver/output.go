package proxyver

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

const (
	outputWide = "wide"
	outputName = "name"
)

// output prints items once all of them are known.
type output interface {
	// add takes one item.
	add(scan.Item)
	// print writes what was added.
	print(io.Writer) error
}

// formats are the values of --output, besides none at all.
func (o *Options) formats() []string {
	formats := append(o.printer.AllowedFormats(), outputWide, outputName)
	slices.Sort(formats)
	return formats
}

// output returns what the flags ask for. The error says that the format does not exist, or what is wrong with its
// template.
func (o *Options) output() (output, error) {
	switch o.Output {
	case "", outputWide:
		return &table{tally: newTally(groupingOf(o.By)), wide: o.Output == outputWide, noHeaders: o.NoHeaders}, nil
	case outputName:
		return &names{tally: newTally(groupingOf(o.By))}, nil
	}
	if format, _, _ := strings.Cut(o.Output, "="); !slices.Contains(o.printer.AllowedFormats(), format) {
		return nil, fmt.Errorf("--output %q: use %s", o.Output, orList(o.formats()))
	}
	o.printer.OutputFormat = &o.Output
	printer, err := o.printer.ToPrinter()
	if err != nil {
		return nil, fmt.Errorf("--output %q: %w", o.Output, err)
	}
	return &report{printer: printer}, nil
}

// table is for people.
type table struct {
	*tally
	wide, noHeaders bool
}

func (t *table) print(out io.Writer) error {
	groups := t.sorted()
	if len(groups) == 0 {
		return nil
	}
	return printing.Table[*group]{Columns: t.grouping.columns(), Wide: t.wide, NoHeaders: t.noHeaders}.Print(out, groups)
}

// names prints one name a line, for other commands.
type names struct{ *tally }

func (n *names) print(out io.Writer) error {
	for _, g := range n.sorted() {
		// Pods without a proxy have no version and no revision to name.
		if g.key.name == "" {
			continue
		}
		if _, err := fmt.Fprintln(out, printing.Escape(n.grouping.name(g))); err != nil {
			return err
		}
	}
	return nil
}

// tallyOf returns the groups of an output that follows --by, nil for one that does not.
func tallyOf(out output) *tally {
	switch out := out.(type) {
	case *table:
		return out.tally
	case *names:
		return out.tally
	default:
		return nil
	}
}

// report is for machines.
type report struct {
	printer printers.ResourcePrinter
	items   []v1alpha1.ProxyItem
}

func (r *report) add(item scan.Item) { r.items = append(r.items, item.Report()) }

func (r *report) print(out io.Writer) error {
	return r.printer.PrintObj(v1alpha1.NewProxyReport(r.items), out)
}
