package guide

import (
	"slices"
	"strings"
)

// Elision is the line by which a page says that it leaves out lines.
const Elision = "..."

// Shows says whether what a page shows is what was said: the same lines, but for those in whose place an Elision stands.
func Shows(shown, said string) bool {
	parts, all := split(lines(shown)), lines(said)
	first, rest := parts[0], parts[1:]
	if len(rest) == 0 {
		return slices.Equal(first, all)
	}
	if len(all) < len(first) || !slices.Equal(first, all[:len(first)]) {
		return false
	}
	all = all[len(first):]
	last := rest[len(rest)-1]
	for _, part := range rest[:len(rest)-1] {
		at := find(all, part)
		if at < 0 {
			return false
		}
		all = all[at+len(part):]
	}
	return len(all) >= len(last) && slices.Equal(last, all[len(all)-len(last):])
}

// lines are those of a text, without the space at their ends and without empty ones at its end.
func lines(text string) []string {
	all := strings.Split(text, "\n")
	for i := range all {
		all[i] = strings.TrimRight(all[i], " \t\r")
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// split are the parts between the Elisions.
func split(all []string) [][]string {
	parts := [][]string{nil}
	for _, line := range all {
		if line == Elision {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], line)
	}
	return parts
}

// find returns where a part begins, or -1.
func find(all, part []string) int {
	for i := 0; i+len(part) <= len(all); i++ {
		if slices.Equal(all[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// Replace returns the page with another text in the outputs that begin at these lines.
func Replace(page string, outputs map[int]string) string {
	all := strings.Split(page, "\n")
	var out []string
	for i := 0; i < len(all); i++ {
		out = append(out, all[i])
		text, is := outputs[i+1]
		if !is {
			continue
		}
		for i++; strings.TrimRight(all[i], " \t") != "```"; i++ {
		}
		out = append(append(out, lines(text)...), all[i])
	}
	return strings.Join(out, "\n")
}
