package proxyver

import (
	"bufio"
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

const (
	outputWide = "wide"
	outputName = "name"
	outputJSON = "json"
)

// output prints what a scan finds.
type output interface {
	// add takes one item. An output that need not know all of them writes it at once.
	add(scan.Item) error
	// finish writes the rest.
	finish() error
}

// formats are the values of --output, besides none at all.
func (o *Options) formats() []string {
	return o.reports.Names(outputWide, outputName)
}

// output returns what the flags ask for, writing to out. The error says that the format does not exist, or what is wrong
// with its template.
func (o *Options) output(out io.Writer) (output, error) {
	buffered := bufio.NewWriterSize(out, outputBuffer)
	inner, err := o.unsorted(buffered)
	if err != nil {
		return nil, err
	}
	key, err := o.sortKey()
	if err != nil || key == nil {
		return inner, err
	}
	return &sorted{output: inner, key: key}, nil
}

const outputBuffer = 64 << 10

func (o *Options) unsorted(out *bufio.Writer) (output, error) {
	switch o.Output {
	case "", outputWide:
		return &table{tally: o.tally(), out: out, wide: o.Output == outputWide, noHeaders: o.NoHeaders}, nil
	case outputName:
		return &names{tally: o.tally(), out: out}, nil
	case outputJSON:
		return &stream{out: out, summary: v1alpha1.NewProxySummary()}, nil
	}
	printer, err := o.reports.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	if err != nil {
		return nil, err
	}
	return &report{out: out, printer: printer}, nil
}

func (o *Options) tally() *tally {
	t := newTally(groupingOf(o.By))
	t.asAdded = o.SortBy != ""
	if !o.Verify {
		t.grouping.without = append(t.grouping.without, verifiedHeader)
	}
	return t
}

// table is for people.
type table struct {
	*tally
	out             *bufio.Writer
	wide, noHeaders bool
}

func (t *table) finish() error {
	if groups := t.sorted(); len(groups) > 0 {
		if err := t.layout().Print(t.out, groups); err != nil {
			return err
		}
	}
	return t.out.Flush()
}

func (t *table) layout() printing.Table[*group] {
	return printing.Table[*group]{Columns: t.grouping.columns(), Wide: t.wide, NoHeaders: t.noHeaders}
}

// names prints one name a line, for other commands.
type names struct {
	*tally
	out *bufio.Writer
}

func (n *names) finish() error {
	for _, g := range n.sorted() {
		// Pods without a proxy have no version and no revision to name.
		if g.key.name != "" {
			fmt.Fprintln(n.out, printing.Escape(n.grouping.name(g)))
		}
	}
	return n.out.Flush()
}

// tallyOf returns the groups of an output that follows --by, nil for one that does not.
func tallyOf(out output) *tally {
	switch out := out.(type) {
	case *table:
		return out.tally
	case *names:
		return out.tally
	case *sorted:
		return tallyOf(out.output)
	default:
		return nil
	}
}

// report is for machines, in the formats that need the whole of it.
type report struct {
	out     *bufio.Writer
	printer printers.ResourcePrinter
	items   []v1alpha1.ProxyItem
}

func (r *report) add(item scan.Item) error {
	r.items = append(r.items, item.Report())
	return nil
}

func (r *report) finish() error {
	if err := r.printer.PrintObj(v1alpha1.NewProxyReport(r.items), r.out); err != nil {
		return err
	}
	return r.out.Flush()
}
