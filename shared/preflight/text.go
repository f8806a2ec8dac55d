package preflight

import (
	"fmt"
	"strings"
)

// counted writes a number with what it counts: `1 pod`, `3 pods`.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ofRevision names a ConfigMap or another object that has a revision in its name, as Istio does.
func ofRevision(name, revision string) string {
	if revision == "" || revision == "default" {
		return name
	}
	return name + "-" + revision
}

// patch is the command that patches a workload, or another object.
func patch(what, namespace, json string) string {
	return fmt.Sprintf("kubectl patch %s -n %s --type merge -p '%s'", what, namespace, json)
}

// quoted writes a word so that a shell takes it as it stands.
func quoted(word string) string {
	plain := strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,", r)
	}) < 0
	if plain && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
