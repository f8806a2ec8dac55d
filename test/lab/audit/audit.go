// Package audit reads what the lab's API server was asked.
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// Read returns the finished requests in an audit log from the byte offset on, and the offset to go on from. A line
// that is still being written is left for the next call. The error says that the log cannot be read, or which line is
// no event.
func Read(path string, offset int64) (events []auditv1.Event, next int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, offset, fmt.Errorf("opening the audit log: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, offset, fmt.Errorf("reading the audit log: %w", err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return nil, offset, fmt.Errorf("reading the audit log: %w", err)
	}
	for {
		line, rest, whole := bytes.Cut(content, []byte("\n"))
		if !whole {
			return events, offset, nil
		}
		var e auditv1.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return events, offset, fmt.Errorf("reading the audit log at byte %d: %w", offset, err)
		}
		events = append(events, e)
		offset += int64(len(line)) + 1
		content = rest
	}
}
