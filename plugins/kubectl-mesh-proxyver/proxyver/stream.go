package proxyver

import (
	"bufio"
	"bytes"
	"encoding/json"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// stream prints the report as JSON item by item, so that its size does not matter. A test holds it to what kubectl's
// printer makes of the whole report.
type stream struct {
	out     *bufio.Writer
	summary v1alpha1.ProxySummary
	begun   bool
	scratch bytes.Buffer
}

const (
	// indent is what kubectl's printer indents by.
	indent     = "    "
	streamHead = "{\n" + indent + `"kind": "` + v1alpha1.ProxyReportKind + "\",\n" +
		indent + `"apiVersion": "` + v1alpha1.APIVersion + "\",\n" + indent + `"items": [`
)

func (s *stream) add(item scan.Item) error {
	separator := ",\n"
	if !s.begun {
		s.begun = true
		s.out.WriteString(streamHead)
		separator = "\n"
	}
	s.out.WriteString(separator + indent + indent)
	row := item.Report()
	s.summary.Add(row)
	return s.write(row, indent+indent)
}

// write writes a value whose first line stands already indented.
func (s *stream) write(value any, prefix string) error {
	compact, err := json.Marshal(value)
	if err != nil {
		return err
	}
	s.scratch.Reset()
	if err := json.Indent(&s.scratch, compact, prefix, indent); err != nil {
		return err
	}
	_, err = s.out.Write(printing.SafeJSON(s.scratch.Bytes()))
	return err
}

func (s *stream) finish() error {
	if s.begun {
		s.out.WriteString("\n" + indent + "],\n")
	} else {
		s.out.WriteString(streamHead + "],\n")
	}
	s.out.WriteString(indent + `"summary": `)
	if err := s.write(s.summary, indent); err != nil {
		return err
	}
	s.out.WriteString("\n}\n")
	return s.out.Flush()
}
