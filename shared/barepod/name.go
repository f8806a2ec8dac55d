package barepod

import (
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

const extension = ".yaml"

// longestName is how much of a pod's name goes into that of its file, in bytes. With a namespace of 63 and a UID of 36, the
// whole stays within the 255 that file systems allow; the UID alone tells pods apart.
const longestName = 140

// fileName is NAMESPACE_NAME_UID.yaml. Names in Kubernetes have no underscore.
func fileName(namespace, name string, uid types.UID) string {
	return safe(namespace) + "_" + safe(name[:min(len(name), longestName)]) + "_" + safe(string(uid)) + extension
}

// safe replaces what could lead out of the directory, be taken for a separator, or trouble a file system.
func safe(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, text)
}

// split reads the name of a file. The pod's name may be shortened. The error says that it is no such name.
func split(path string) (namespace, name string, uid types.UID, err error) {
	base := filepath.Base(path)
	parts := strings.Split(strings.TrimSuffix(base, extension), "_")
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("%q is not named NAMESPACE_NAME_UID%s", base, extension)
	}
	return parts[0], parts[1], types.UID(parts[2]), nil
}
