package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/cmd/get"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// Formats are the output formats that are kubectl's: JSON, YAML, templates, JSONPath and custom columns.
type Formats struct {
	printer genericclioptions.PrintFlags
	columns get.CustomColumnsPrintFlags
}

// NewFormats returns them with their defaults.
func NewFormats() *Formats {
	printer := genericclioptions.NewPrintFlags("")
	printer.NamePrintFlags = nil
	printer.JSONYamlPrintFlags.ShowManagedFields = true
	return &Formats{printer: *printer}
}

// Names returns the values of --output, with those that are the command's own, sorted.
func (f *Formats) Names(own ...string) []string {
	names := slices.Concat(f.printer.AllowedFormats(), f.columns.AllowedFormats(), own)
	slices.Sort(names)
	return names
}

// Printer returns the printer of a format. The error says that the format does not exist, naming also those that are the command's
// own, or what is wrong with its template.
func (f *Formats) Printer(output string, noHeaders bool, own ...string) (printers.ResourcePrinter, error) {
	switch format, _, _ := strings.Cut(output, "="); {
	case slices.Contains(f.columns.AllowedFormats(), format):
		columns := f.columns
		columns.NoHeaders = noHeaders
		printer, err := columns.ToPrinter(output)
		if err != nil {
			return nil, fmt.Errorf("--output %q: %w", output, err)
		}
		return Rows{printer}, nil
	case slices.Contains(f.printer.AllowedFormats(), format):
		f.printer.OutputFormat = &output
		printer, err := f.printer.ToPrinter()
		if err != nil {
			return nil, fmt.Errorf("--output %q: %w", output, err)
		}
		return printer, nil
	default:
		return nil, fmt.Errorf("--output %q: use %s", output, OrList(f.Names(own...)))
	}
}

// Rows prints a report's items as the rows of kubectl's custom columns, which take a list of objects and write their
// values as they are.
type Rows struct{ printers.ResourcePrinter }

// PrintObj prints an object with items, or a single item.
func (r Rows) PrintObj(object runtime.Object, out io.Writer) error {
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

// WithEvents puts a column before the others that says what has happened, as kubectl's --output-watch-events does: the row of
// a pod that is gone would look like any other.
func (r Rows) WithEvents() Rows {
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
