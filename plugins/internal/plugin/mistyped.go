package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group marks a command that only holds others.
const group = "kubectl-mesh/group"

// Group makes a command one that only holds others: by itself it shows its help, and an argument is a mistyped command. Cobra itself finds
// that for the outermost command alone.
func Group(cmd *cobra.Command) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[group] = "true"
	AddConnectionFlags(cmd, func(*pflag.FlagSet) {})
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
}

func isGroup(cmd *cobra.Command) bool { return cmd.Annotations[group] != "" }

func unknownCommand(cmd *cobra.Command, word string) error {
	return fmt.Errorf("unknown command %q for %q%s", word, cmd.CommandPath(), seeHelp(cmd, quoted(near(word, commands(cmd)))))
}

// FlagError makes of an error about flags one line that says what was meant, as far as that can be told, and where the flags are listed.
func FlagError(cmd *cobra.Command, err error) error {
	// Which flags there are depends on the command.
	if words := cmd.Flags().Args(); isGroup(cmd) && len(words) > 0 {
		return unknownCommand(cmd, words[0])
	}
	var unknown *pflag.NotExistError
	var meant []string
	// Of one letter no other can be told.
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		for _, name := range near(unknown.GetSpecifiedName(), flagNames(cmd)) {
			meant = append(meant, "--"+name)
		}
	}
	return fmt.Errorf("%w%s", err, seeHelp(cmd, meant))
}

// seeHelp ends an error about something that does not exist.
func seeHelp(cmd *cobra.Command, meant []string) string {
	if len(meant) == 0 {
		return fmt.Sprintf("; see `%s --help`", cmd.CommandPath())
	}
	return fmt.Sprintf("; did you mean %s? See `%s --help`", OrList(meant), cmd.CommandPath())
}

// NoArguments is cobra.NoArgs, which takes an argument for a mistyped command.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("`%s` takes no arguments, and got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// WorkloadArguments is what a command that takes TYPE/NAME says of a first argument that is rather one of its commands, mistyped. What the
// others lack, the command says itself.
func WorkloadArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || strings.Contains(args[0], "/") {
		return nil
	}
	if meant := near(args[0], commands(cmd)); len(meant) > 0 {
		return fmt.Errorf("%w; or did you mean the command %s?", ValidateName(args[0]), OrList(quoted(meant)))
	}
	return nil
}

// commands are the names of those that a command holds, other names of theirs included.
func commands(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	return names
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

func quoted(words []string) []string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, fmt.Sprintf("%q", w))
	}
	return quoted
}

const (
	// suggested is how many names a suggestion has at most: more are a list, and that is what the help is for.
	suggested = 3
	// shortWord is up to where two mistakes would make any word of any other.
	shortWord = 3
)

// near are the names that a mistyped word may stand for: those that it begins or, where there are none, those that differ the least, by
// two letters at most.
func near(word string, names []string) []string {
	word = strings.ToLower(word)
	var begun, alike []string
	least := 2
	if len(word) <= shortWord {
		least = 1
	}
	for _, name := range names {
		if len(word) > 1 && strings.HasPrefix(name, word) {
			begun = append(begun, name)
		}
		switch d := distance(word, name); {
		case d < least:
			least, alike = d, []string{name}
		case d == least:
			alike = append(alike, name)
		}
	}
	found := begun
	if len(found) == 0 {
		found = alike
	}
	slices.Sort(found)
	return found[:min(suggested, len(found))]
}

// distance counts the letters that have to be added, taken away, replaced, or swapped with the next, to make one word of the other.
func distance(a, b string) int {
	// before, last and row are the rows of the table of distances between the beginnings of both.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
