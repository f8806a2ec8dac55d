package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// completerFile is a program by which kubectl completes a plugin.
type completerFile struct {
	path string
	text []byte
}

// ours marks the files that this writes: no others are overwritten.
const ours = "Written by the kubectl-mesh plugins: completion --install."

// newCompleterFile returns the program for a plugin's file.
func newCompleterFile(dir, plugin string) completerFile {
	text := fmt.Appendf(nil, "#!/bin/sh\n# %s\nexec %s __complete \"$@\"\n", ours, plugin)
	return completerFile{filepath.Join(dir, completer(plugin)), text}
}

// installDir returns the directory to write to: the one that is named or, unset, that of the plugin's file, of which names are the
// possible ones. The error says that kubectl would not look there.
func installDir(named string, names []string) (string, error) {
	if named == "" {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				return filepath.Abs(filepath.Dir(path))
			}
		}
		return "", fmt.Errorf("%s is not on PATH, so that kubectl does not find the plugin: put it there, or name a directory that is on PATH with --dir", names[0])
	}
	dir, err := filepath.Abs(named)
	if err != nil {
		return "", fmt.Errorf("--dir %s: %w", named, err)
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("--dir %s does not exist: make it with `mkdir -p`, or name another", named)
	case err != nil:
		return "", fmt.Errorf("--dir %s: %w", named, err)
	case !info.IsDir():
		return "", fmt.Errorf("--dir %s is no directory", named)
	case !onPath(info):
		return "", fmt.Errorf("--dir %s is not on PATH, where kubectl looks: add it to PATH, or name a directory that is there", named)
	}
	return dir, nil
}

// onPath says whether a directory is on PATH, by whatever name.
func onPath(dir fs.FileInfo) bool {
	return slices.ContainsFunc(filepath.SplitList(os.Getenv("PATH")), func(entry string) bool {
		// Kubectl, too, runs nothing that PATH names relative to where one is.
		info, err := os.Stat(entry)
		return err == nil && filepath.IsAbs(entry) && os.SameFile(info, dir)
	})
}

// writeCompleters writes the files that are not there yet, and says which. The error is about one that is somebody else's, before
// anything is written, or that cannot be written.
func writeCompleters(files []completerFile, said io.Writer) error {
	var missing []completerFile
	for _, f := range files {
		there, err := f.there()
		if err != nil {
			return err
		}
		if there {
			fmt.Fprintf(said, "%s is up to date\n", printing.Escape(f.path))
			continue
		}
		missing = append(missing, f)
	}
	for _, f := range missing {
		if err := f.write(); err != nil {
			return err
		}
		fmt.Fprintf(said, "wrote %s\n", printing.Escape(f.path))
	}
	return nil
}

// there says whether the file is as it is to be. The error says that it is somebody else's.
func (f completerFile) there() (bool, error) {
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s: %w", f.path, err)
	}
	if !info.Mode().IsRegular() {
		return false, f.foreign()
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", f.path, err)
	}
	if !bytes.Contains(text, []byte(ours)) {
		return false, f.foreign()
	}
	return bytes.Equal(text, f.text) && info.Mode().Perm() == executable, nil
}

func (f completerFile) foreign() error {
	return fmt.Errorf("%s was not written by this plugin, and is left as it is: move it away, or name another directory with --dir", f.path)
}

const executable = 0o755

// write replaces the file as a whole, so that a shell finds either the former or the new one.
func (f completerFile) write() error {
	dir := filepath.Dir(f.path)
	temporary, err := os.CreateTemp(dir, ".kubectl_complete-*")
	if err != nil {
		// Its name is nobody's business.
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("writing to %s: %w; name a directory of your own that is on PATH with --dir", dir, err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(f.text)
	if err := errors.Join(err, temporary.Chmod(executable), temporary.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := os.Rename(temporary.Name(), f.path); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return nil
}
