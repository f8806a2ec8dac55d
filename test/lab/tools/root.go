package tools

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Root returns the project's root, the directory that contains test/lab: the nearest one above the working directory,
// else above this program, else the one these sources were compiled from. The error says that none exists.
func Root() (string, error) {
	if cwd, err := os.Getwd(); err == nil {
		if root, ok := above(cwd); ok {
			return root, nil
		}
	}
	if program, err := os.Executable(); err == nil {
		if root, ok := above(filepath.Dir(program)); ok {
			return root, nil
		}
	}
	if _, source, _, ok := runtime.Caller(0); ok {
		if root, ok := above(filepath.Dir(source)); ok {
			return root, nil
		}
	}
	return "", errors.New("the lab's sources (test/lab) are neither above the working directory nor above this program; run it inside the project")
}

func above(dir string) (string, bool) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "test", "lab", "main.go")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}
