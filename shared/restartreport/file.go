package restartreport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// JSON returns a report as indented JSON that ends its last line. The error says which number of it JSON does not know,
// such as a rate over no time at all.
func JSON(r *v1alpha1.RestartReport) ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "    ")
	if err != nil {
		return nil, fmt.Errorf("writing the report as JSON: %w", err)
	}
	return append(printing.SafeJSON(text), '\n'), nil
}

// CheckPath says before a run whether WriteFile can write to a path: its extension is one that is known, and its folder
// exists and may be written to. The error says what is wrong, and with which path. An existing file is left as it is.
func CheckPath(path string) error {
	if _, err := encoder(path); err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("cannot write the report to %s: it is no file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot write the report: %w", err)
	}
	file, err := beside(path)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("cannot write the report to %s: %w", path, err)
	}
	return nil
}

// WriteFile writes a report to a path, as JSON or Markdown going by its extension, .json or .md. Whoever reads the file
// sees all of the report or what was there before. The error says what is wrong, and with which path.
func WriteFile(path string, r *v1alpha1.RestartReport) error {
	encode, err := encoder(path)
	if err != nil {
		return err
	}
	text, err := encode(r)
	if err != nil {
		return err
	}
	file, err := beside(path)
	if err != nil {
		return err
	}
	if err := replace(file, path, text); err != nil {
		// What is wrong is told; that a file may be left over is not worth a second error.
		_ = os.Remove(file.Name())
		return fmt.Errorf("cannot write the report to %s: %w", path, err)
	}
	return nil
}

// encoder returns how the report is written for a path of that extension.
func encoder(path string) (func(*v1alpha1.RestartReport) ([]byte, error), error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return JSON, nil
	case ".md":
		return func(r *v1alpha1.RestartReport) ([]byte, error) { return Markdown(r), nil }, nil
	default:
		return nil, fmt.Errorf("cannot tell how to write the report to %q: its name has to end in .json or .md", path)
	}
}

// beside creates a file in the folder of the path, from where it can be moved there at once.
func beside(path string) (*os.File, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	// The name that was made up for the file says nothing to anybody.
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the report to %s: %w", path, err)
	}
	return file, nil
}

// replace fills the file and moves it to the path. It closes the file in any case.
func replace(file *os.File, path string, text []byte) error {
	_, written := file.Write(text)
	readable := file.Chmod(0o644)
	// A report that is lost with the machine's power proves nothing.
	kept := file.Sync()
	if err := errors.Join(written, readable, kept, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
