package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// columns are those of the terminal.
	columns = 100
	// leftOut stands for lines that are not shown.
	leftOut = "⋯"
)

// scene is one command of the story.
type scene struct {
	// command is the command line, or, where it ends in a space, what it begins with.
	command string
	// last means the last of the tour's commands that are so called, else it is the first.
	last bool
	// keep are the beginnings of the lines that are shown.
	keep []string
}

// line is one of the terminal's. A typed one is a command line.
type line struct {
	typed bool
	text  string
}

// tell returns the lines of a terminal that shows the scenes, as the tour quotes them. It fails if the tour lacks one of them, or a line of it,
// and if a line is too wide for the terminal.
func tell(tour string, scenes []scene) ([]line, error) {
	var lines []line
	for i, s := range scenes {
		command, output, err := find(tour, s)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			lines = append(lines, line{})
		}
		lines = append(lines, prompt(command)...)
		lines = append(lines, excerpt(output, s.keep)...)
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.text); n > columns {
			return nil, fmt.Errorf("a line of %d columns does not fit %d: %s", n, columns, l.text)
		}
	}
	return lines, nil
}

var consoleBlock = regexp.MustCompile("(?s)```console\n\\$ (.*?)\n(.*?)```")

// find returns a scene's command line, and the lines that it prints.
func find(tour string, s scene) (command string, output []string, err error) {
	for _, block := range consoleBlock.FindAllStringSubmatch(tour, -1) {
		if (command == "" || s.last) && s.is(block[1]) {
			command, output = block[1], strings.Split(strings.TrimRight(block[2], "\n"), "\n")
		}
	}
	if command == "" {
		return "", nil, fmt.Errorf("`%s` is not shown", s.command)
	}
	for _, start := range s.keep {
		if !slices.ContainsFunc(output, func(text string) bool { return strings.HasPrefix(text, start) }) {
			return "", nil, fmt.Errorf("`%s` prints no line that begins with %q", command, start)
		}
	}
	return command, output, nil
}

func (s scene) is(command string) bool {
	return command == s.command || strings.HasSuffix(s.command, " ") && strings.HasPrefix(command, s.command)
}

// prompt returns a command line as it is typed, broken where the terminal ends.
func prompt(command string) []line {
	const more, further = ` \`, "    "
	text := "$"
	var lines []line
	for _, word := range strings.Fields(command) {
		if utf8.RuneCountInString(text+" "+word+more) > columns {
			lines = append(lines, line{typed: true, text: text + more})
			text = further[1:]
		}
		text += " " + word
	}
	return append(lines, line{typed: true, text: text})
}

// excerpt returns the lines that begin with one of the words, and a mark where others are left out.
func excerpt(output, keep []string) []line {
	var lines []line
	marked := false
	for _, text := range output {
		switch {
		case slices.ContainsFunc(keep, func(start string) bool { return strings.HasPrefix(text, start) }):
			lines, marked = append(lines, line{text: text}), false
		case text != "" && !marked:
			lines, marked = append(lines, line{text: leftOut}), true
		}
	}
	return lines
}
