// Package guide reads the pages of the documentation for what they have their readers type, so that a test can type it.
//
// A block of shell begins with ```sh. The ```console or ```text block after it, if there is one before the next block of shell,
// is what the commands say. HTML comments, which the reader does not see, tell the test what to do:
//
//	<!-- not run: REASON -->   before a block: nobody types it, for this reason
//	<!-- expect exit N -->     before a block: it ends with this exit code
//	<!-- run: COMMANDS -->     these are typed as well, in their place: what the page presupposes
//	<!-- lab: outage REV -->   the revision's istiod goes down; with restore, it comes back
//	<!-- lab: upgrade -->      on a page about the repository: what follows is typed on a cluster that can be upgraded
package guide

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Block is one block of commands.
type Block struct {
	// Line is where it begins, counted from 1.
	Line int
	// Script is what is typed.
	Script string
	// NotRun says why nobody types it, empty for a block that is typed.
	NotRun string
	// Exit is the exit code that it is to end with.
	Exit int
	// Lab is what happens to the cluster instead of something being typed, such as "outage 1-23".
	Lab string
	// Output is what the page shows of what the commands say, nil for nothing.
	Output *Output
}

// Output is what a page shows.
type Output struct {
	// Line is that of the fence above it, counted from 1.
	Line int
	Text string
}

// Parse returns the blocks of a page, in order. The error names the line of what is not understood.
func Parse(page string) ([]Block, error) {
	p := &parser{lines: strings.Split(page, "\n")}
	for p.at < len(p.lines) {
		if err := p.take(); err != nil {
			return nil, err
		}
	}
	if p.marked != nil {
		return nil, p.marked.errorf("no ```sh block follows this comment")
	}
	return p.blocks, nil
}

type parser struct {
	lines []string
	at    int
	// blocks are those that were read. shows says that the last of them may still get an output.
	blocks []Block
	shows  bool
	// marked is what comments have said of the block to come, nil for nothing.
	marked *Block
}

func (b *Block) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", b.Line, fmt.Sprintf(format, args...))
}

// take reads the next line, and what belongs to it.
func (p *parser) take() error {
	line := strings.TrimRight(p.lines[p.at], " \t")
	trimmed := strings.TrimLeft(line, " \t")
	switch {
	case strings.HasPrefix(trimmed, "```") && trimmed != line:
		return p.errorf("a fence is indented: begin it at the start of its line")
	case strings.HasPrefix(trimmed, "~~~"):
		return p.errorf("a fence is made of tildes: make it of backquotes")
	case strings.HasPrefix(line, "```"):
		return p.fence(strings.TrimPrefix(line, "```"))
	case strings.HasPrefix(trimmed, "<!--"):
		return p.comment()
	case line != "" && p.marked != nil:
		return p.marked.errorf("no ```sh block follows this comment")
	}
	p.at++
	return nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", p.at+1, fmt.Sprintf(format, args...))
}

// fence reads a block in the language that its fence names.
func (p *parser) fence(language string) error {
	start := p.at
	text, err := p.upTo("```")
	if err != nil {
		return err
	}
	if p.marked != nil && language != "sh" {
		return p.marked.errorf("no ```sh block follows this comment")
	}
	switch language {
	case "sh":
		b := Block{}
		if p.marked != nil {
			b, p.marked = *p.marked, nil
		}
		b.Line, b.Script = start+1, text
		if b.Exit != 0 && strings.Count(text, "\n") > 1 {
			return b.errorf("one command alone ends with that exit code: give it a block of its own")
		}
		p.blocks, p.shows = append(p.blocks, b), true
	case "console", "text":
		return p.output(start, language, text)
	default:
		if !slices.Contains(data, language) {
			return fmt.Errorf("line %d: write ```sh for what is typed, ```console for what is said, or one of %s", start+1, strings.Join(data, ", "))
		}
	}
	return nil
}

// data are the languages of blocks that nobody types.
var data = []string{"json", "yaml", "mermaid", "markdown", "powershell"}

// output is what the last block says. What is shown with the command, behind a "$ ", is a quotation from somewhere else.
func (p *parser) output(start int, language, text string) error {
	switch {
	case strings.HasPrefix(text, "$ "):
		return nil
	case p.shows:
		p.blocks[len(p.blocks)-1].Output = &Output{Line: start + 1, Text: text}
		p.shows = false
		return nil
	case language == "console":
		return fmt.Errorf("line %d: this shows the output of nothing: put the ```sh block before it", start+1)
	}
	return nil
}

// upTo reads on to the line that ends what begins here, and returns what stands in between.
func (p *parser) upTo(end string) (string, error) {
	start := p.at
	for p.at++; p.at < len(p.lines); p.at++ {
		if strings.TrimRight(p.lines[p.at], " \t") == end {
			p.at++
			return joined(p.lines[start+1 : p.at-1]), nil
		}
	}
	return "", fmt.Errorf("line %d: this never ends", start+1)
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

var (
	said = regexp.MustCompile(`(?s)^<!--\s*(not run:|expect exit|run:|lab:)\s*(.*?)\s*-->$`)
	// meant finds what was to say something, and is misspelt.
	meant = regexp.MustCompile(`(?i)^<!--\s*(not[ -]?run|expect|run|lab)\b`)
)

// comment reads one that tells the test something; of others it knows nothing.
func (p *parser) comment() error {
	start := p.at
	for !strings.Contains(p.lines[p.at], "-->") {
		if p.at++; p.at == len(p.lines) {
			return fmt.Errorf("line %d: this comment never ends", start+1)
		}
	}
	p.at++
	comment := strings.TrimSpace(strings.Join(p.lines[start:p.at], "\n"))
	here := Block{Line: start + 1}
	m := said.FindStringSubmatch(comment)
	if m == nil {
		if meant.MatchString(comment) {
			return here.errorf("write `not run: REASON`, `expect exit N`, `run: COMMANDS` or `lab: WHAT`")
		}
		return nil
	}
	if m[2] == "" {
		return here.errorf("%q says nothing more", m[1])
	}
	if m[1] == "run:" || m[1] == "lab:" {
		return p.happens(here, m[1], m[2])
	}
	if p.marked == nil {
		p.marked = &here
	}
	if m[1] == "not run:" {
		p.marked.NotRun = m[2]
		return nil
	}
	code, err := strconv.Atoi(m[2])
	if err != nil {
		return here.errorf("%q is no exit code", m[2])
	}
	p.marked.Exit = code
	return nil
}

// happens is a block that the reader does not see.
func (p *parser) happens(b Block, how, what string) error {
	if p.marked != nil {
		return p.marked.errorf("no ```sh block follows this comment")
	}
	if how == "run:" {
		b.Script = what + "\n"
	} else {
		b.Lab = what
	}
	p.blocks, p.shows = append(p.blocks, b), false
	return nil
}
