package istio

import (
	"fmt"
	"regexp"
)

var numbered = regexp.MustCompile(`(?:^|[^0-9])(\d+)-(\d+)(?:-(\d+))?$`)

// GuessTag returns the image tag that a revision's name suggests: 1.22.0 for "1-22" or "asm-1-22", 1.22.3 for
// "1-22-3". The error says that the name suggests none.
func GuessTag(revision string) (string, error) {
	m := numbered.FindStringSubmatch(revision)
	if m == nil {
		return "", fmt.Errorf("the name of revision %q suggests no version: give --tag", revision)
	}
	patch := m[3]
	if patch == "" {
		patch = "0"
	}
	return m[1] + "." + m[2] + "." + patch, nil
}
