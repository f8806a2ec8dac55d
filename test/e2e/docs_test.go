package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	quoted = regexp.MustCompile("`[^`]*`")
	link   = regexp.MustCompile(`\]\(([^()\s]+)\)|\b(?:href|src)="([^"]+)"`)
	header = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *$`)
	idSet  = regexp.MustCompile(`\bid="([^"]+)"`)
)

// TestLinksLead: every link of a page to another file of the repository, or to a heading, leads somewhere.
func TestLinksLead(t *testing.T) {
	pages := allPages(t)
	for _, page := range pages {
		text := readPage(t, page)
		text = quoted.ReplaceAllString(fenced.ReplaceAllString(text, ""), "`code`")
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			to := found[1] + found[2]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			if why := dead(t, page, to); why != "" {
				t.Errorf("%s: the link to %s leads nowhere: %s", page, to, why)
			}
		}
	}
	if len(pages) < 15 {
		t.Errorf("there are %d pages only: %s", len(pages), pages)
	}
}

// dead says why a link on a page leads nowhere, and nothing where it leads somewhere.
func dead(t *testing.T, page, link string) string {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	to := page
	if file != "" {
		to = path.Join(path.Dir(page), file)
	}
	if strings.HasPrefix(to, "..") || strings.HasPrefix(to, "/") {
		return "it is outside the repository"
	}
	if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(to))); err != nil {
		return "there is no such file"
	}
	if anchor != "" && (path.Ext(to) != ".md" || !slices.Contains(anchors(readPage(t, to)), anchor)) {
		return "there is no such heading"
	}
	return ""
}

// allPages are the Markdown files that people read, by their paths from the repository's root.
func allPages(t *testing.T) []string {
	t.Helper()
	pages := []string{"README.md", "CONTRIBUTING.md"}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(file string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".md" {
			file, err = filepath.Rel(root, file)
			pages = append(pages, filepath.ToSlash(file))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// anchors are those that GitHub gives a page: its headings in lower case, without punctuation, with hyphens for spaces, and numbered from the
// second of the same name on; and the ids that it sets itself.
func anchors(text string) []string {
	var all []string
	times := map[string]int{}
	for _, found := range header.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, found[1])
		n := times[anchor]
		times[anchor]++
		if n > 0 {
			anchor += "-" + strconv.Itoa(n)
		}
		all = append(all, anchor)
	}
	for _, found := range idSet.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all
}

func TestAnchors(t *testing.T) {
	text := "# A page\n\n## `mesh-canary`: the *whole*, today\n\n```sh\n# no heading\n```\n\n## A page\n\n<a id=\"here\"></a>\n"
	if got, want := anchors(text), []string{"a-page", "mesh-canary-the-whole-today", "a-page-1", "here"}; !slices.Equal(got, want) {
		t.Errorf("the anchors are %q, want %q", got, want)
	}
}

// TestTheDiagramShowsImports: each arrow of the diagram in docs/architecture.md is an import.
func TestTheDiagramShowsImports(t *testing.T) {
	imports := map[string][]string{}
	eachSource(t, parser.ImportsOnly, func(file string, source *ast.File) {
		from := path.Base(path.Dir(file))
		for _, i := range source.Imports {
			if to := strings.Trim(i.Path.Value, `"`); strings.HasPrefix(to, "github.com/kubectl-mesh/kubectl-mesh/") {
				imports[from] = append(imports[from], path.Base(to))
			}
		}
	})
	arrows := regexp.MustCompile(`(?m)^ *(\w+) --> (\w+(?: & \w+)*)$`).FindAllStringSubmatch(readPage(t, "docs/architecture.md"), -1)
	for _, arrow := range arrows {
		for _, to := range strings.Split(arrow[2], " & ") {
			if !slices.Contains(imports[arrow[1]], to) {
				t.Errorf("%s does not import %s, but %s", arrow[1], to, imports[arrow[1]])
			}
		}
	}
	if len(arrows) < 10 {
		t.Errorf("there are %d arrows only", len(arrows))
	}
}

// TestTroubleshootingQuotesTheProgram: each message that docs/troubleshooting.md explains is one that the programs have. It stands there in a
// row's first cell; what differs from case to case is `…` or a word in capitals there, and the parts between have to stand in this order in one
// text of the source.
func TestTroubleshootingQuotesTheProgram(t *testing.T) {
	texts := textsOfTheSource(t)
	seen := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?`) \\| ").FindAllStringSubmatch(readPage(t, "docs/troubleshooting.md"), -1) {
		for _, message := range quoted.FindAllString(row[1], -1) {
			seen++
			parts := fixedParts(strings.Trim(message, "`"))
			if !slices.ContainsFunc(texts, func(text string) bool { return holds(text, parts) }) {
				t.Errorf("no text of the source has this message, of which %q are fixed: %s", parts, message)
			}
		}
	}
	if seen < 35 {
		t.Errorf("there are %d messages only", seen)
	}
}

// varying is what stands for something else in each case: an ellipsis, or a word in capitals that is no flag's and no name of the outside world's.
var varying = regexp.MustCompile(`…|\b[A-Z][A-Z-]*[A-Z]\b|\b[NX]\b`)

// ownCapitals are words in capitals that stand for themselves.
var ownCapitals = []string{"PATH", "KUBECONFIG", "AKS", "TYPE", "NAME", "API", "URL"}

// fixedParts takes a message apart at what varies.
func fixedParts(message string) []string {
	marked := varying.ReplaceAllStringFunc(message, func(word string) string {
		if slices.Contains(ownCapitals, word) {
			return word
		}
		return "\x00"
	})
	var parts []string
	for _, part := range strings.Split(marked, "\x00") {
		if strings.Trim(part, " :;,()") != "" {
			parts = append(parts, strings.TrimSpace(part))
		}
	}
	return parts
}

// holds says whether a text has all the parts, one behind the other.
func holds(text string, parts []string) bool {
	for _, part := range parts {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return len(parts) > 0
}

// textsOfTheSource are the string literals of the plugins and of what they share. Literals that are put together in one expression are one text.
func textsOfTheSource(t *testing.T) []string {
	t.Helper()
	var texts []string
	eachSource(t, parser.SkipObjectResolution, func(_ string, source *ast.File) {
		ast.Inspect(source, func(node ast.Node) bool {
			expression, is := node.(ast.Expr)
			if !is {
				return true
			}
			text, is := literal(expression)
			if is {
				texts = append(texts, text)
			}
			return !is
		})
	})
	return texts
}

// eachSource hands on each source file of the plugins and of what they share, but for tests.
func eachSource(t *testing.T, mode parser.Mode, do func(file string, source *ast.File)) {
	t.Helper()
	for _, dir := range []string{"plugins", "shared"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := parser.ParseFile(token.NewFileSet(), file, nil, mode)
			if err == nil {
				do(filepath.ToSlash(file), source)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// literal returns what an expression that is a string literal, or a sum with one, says. What is no literal in it is left out.
func literal(expression ast.Expr) (text string, is bool) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, isLeft := literal(e.X)
		right, isRight := literal(e.Y)
		return left + right, isLeft || isRight
	case *ast.ParenExpr:
		return literal(e.X)
	default:
		return "", false
	}
}
