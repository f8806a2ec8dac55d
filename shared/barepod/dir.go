package barepod

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Dir returns the directory for the pods of a cluster, named by what it has and no other: a folder of the user's cache, of
// the same name for each run. It is not made. The error says that the user has no cache, for want of a home.
func Dir(cluster string) (string, error) {
	root, err := root()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(strings.ToLower(strings.TrimRight(cluster, "/"))))
	return filepath.Join(root, hex.EncodeToString(hash[:6])), nil
}

// Any says whether anything is kept, of whichever cluster.
func Any() bool {
	root, err := root()
	if err != nil {
		return false
	}
	entries, err := os.ReadDir(root)
	return err == nil && len(entries) > 0
}

func root() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding where to keep the manifests of bare pods: %w", err)
	}
	return filepath.Join(cache, "kubectl-mesh", "bare-pods"), nil
}

// makeDir makes a directory for the user alone, and those above it that are missing, so that they last.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return syncDir(parent)
}

// syncDir has the names in a directory last. Windows, and some file systems, cannot be told to, and need not be.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
