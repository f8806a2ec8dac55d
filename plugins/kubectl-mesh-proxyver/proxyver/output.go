package proxyver

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/cmd/get"

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
	formats := append(o.printer.AllowedFormats(), o.columns.AllowedFormats()...)
	formats = append(formats, outputWide, outputName)
	slices.Sort(formats)
	return formats
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
	printer, err := o.reportPrinter()
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

// reportPrinter returns the printer of a format that is kubectl's.
func (o *Options) reportPrinter() (printers.ResourcePrinter, error) {
	switch format, _, _ := strings.Cut(o.Output, "="); {
	case slices.Contains(o.columns.AllowedFormats(), format):
		columns := o.columns
		columns.NoHeaders = o.NoHeaders
		printer, err := columns.ToPrinter(o.Output)
		if err != nil {
			return nil, fmt.Errorf("--output %q: %w", o.Output, err)
		}
		return rows{printer}, nil
	case slices.Contains(o.printer.AllowedFormats(), format):
		o.printer.OutputFormat = &o.Output
		printer, err := o.printer.ToPrinter()
		if err != nil {
			return nil, fmt.Errorf("--output %q: %w", o.Output, err)
		}
		return printer, nil
	default:
		return nil, fmt.Errorf("--output %q: use %s", o.Output, orList(o.formats()))
	}
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

// rows prints a report's items as the rows of kubectl's custom columns, which take a list of objects and write their
// values as they are.
type rows struct{ printers.ResourcePrinter }

func (r rows) PrintObj(object runtime.Object, out io.Writer) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return err
	}
	content = escaped(content).(map[string]any)
	// The columns are an item's, also where --watch prints an event.
	if item, ok := content["item"].(map[string]any); ok {
		item[eventField] = content["type"]
		return r.ResourcePrinter.PrintObj(&unstructured.Unstructured{Object: item}, out)
	}
	whole := &unstructured.Unstructured{Object: content}
	list, err := whole.ToList()
	if err != nil {
		return err
	}
	return r.ResourcePrinter.PrintObj(list, out)
}

// eventField is where the rows of --watch hold what has happened to an item.
const eventField = "event"

// withEvents puts a column before the others that says what has happened, as kubectl's --output-watch-events does: the row of
// a pod that is gone would look like any other.
func (r rows) withEvents() rows {
	if columns, ok := r.ResourcePrinter.(*get.CustomColumnsPrinter); ok {
		event := get.Column{Header: "EVENT", FieldSpec: "{." + eventField + "}"}
		columns.Columns = append([]get.Column{event}, columns.Columns...)
	}
	return r
}

// escaped makes the texts in a value safe to print on one line, keys as well. It changes lists in place.
func escaped(value any) any {
	switch value := value.(type) {
	case string:
		return printing.Escape(value)
	case []any:
		for i := range value {
			value[i] = escaped(value[i])
		}
		return value
	case map[string]any:
		safe := make(map[string]any, len(value))
		for key, v := range value {
			safe[printing.Escape(key)] = escaped(v)
		}
		return safe
	default:
		return value
	}
}
