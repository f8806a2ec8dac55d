// Package completion says what a shell may offer for the word that is being typed: words, files, and what is in the cluster that the
// command line is about.
package completion

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

const (
	// patience is for how long a cluster is waited for: who has pressed TAB cannot go on typing meanwhile, and knows the word sooner than that.
	patience = 3 * time.Second
	// page is how much of a list is looked at: more than that nobody chooses from.
	page = 500
)

// Cluster completes by what is in the cluster that a command line is about, as whom it says. Of one that does not answer, nothing is
// offered; why, only the file says that BASH_COMP_DEBUG_FILE names.
type Cluster struct {
	flags  *genericclioptions.ConfigFlags
	plugin string
}

// New returns what completes for a plugin of that name. The flags of the connection are read when something is completed.
func New(plugin string, flags *genericclioptions.ConfigFlags) *Cluster {
	return &Cluster{flags, plugin}
}

// Flags are what completes the values of flags, by their names.
type Flags map[string]cobra.CompletionFunc

// Add has a command's flags completed: those given, and those of the connection. Numbers and durations are everybody's own.
// It comes last, when all flags are there. A name that is none of theirs is passed over, and of two for one name the first holds.
func (c *Cluster) Add(cmd *cobra.Command, flags ...Flags) {
	for _, completed := range append(flags, c.connection()) {
		for name, f := range completed {
			// The error is about those two.
			_ = cmd.RegisterFlagCompletionFunc(name, f)
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains([]string{"int", "int32", "int64", "duration"}, f.Value.Type()) {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, None)
		}
	})
}

// Found completes by what find finds within the time that there is.
func Found(find func(context.Context, *cobra.Command) ([]cobra.Completion, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), patience)
		defer cancel()
		found := make(chan []cobra.Completion, 1)
		// A kubeconfig's credential plugin knows no context: it is not waited for either.
		go func() {
			all, err := find(ctx, cmd)
			if err != nil {
				silent(err)
				all = nil
			}
			found <- all
		}()
		select {
		case all := <-found:
			return beginning(all, toComplete), cobra.ShellCompDirectiveNoFileComp
		case <-ctx.Done():
			silent(fmt.Errorf("the cluster has not answered in time: %w", ctx.Err()))
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// silent writes why nothing is offered to the file that BASH_COMP_DEBUG_FILE names, for whoever wonders.
func silent(err error) { cobra.CompDebugln(printing.Escape(err.Error()), false) }

// Several completes arguments of which there may be several: those that are typed already are left out.
func Several(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all, directive := f(cmd, args, toComplete)
		return slices.DeleteFunc(all, func(c cobra.Completion) bool { return slices.Contains(args, word(c)) }), directive
	}
}

// One completes the first argument alone.
func One(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return None(cmd, args, toComplete)
		}
		return f(cmd, args, toComplete)
	}
}

// None completes nothing, files neither.
var None cobra.CompletionFunc = cobra.NoFileCompletions

// Files leaves it to the shell to complete a file's name, with one of the endings, which are without a dot, or, where none is given,
// with any.
func Files(endings ...string) cobra.CompletionFunc {
	if len(endings) == 0 {
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	}
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

// Directories leaves it to the shell to complete a directory's name.
var Directories = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)

// Words completes one of some words.
func Words(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return beginning(words, toComplete), cobra.ShellCompDirectiveNoFileComp
	}
}

// List completes words with commas between them, each of which makes sense once.
func List(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		typed, last := "", toComplete
		if i := strings.LastIndex(toComplete, ","); i >= 0 {
			typed, last = toComplete[:i+1], toComplete[i+1:]
		}
		var all []cobra.Completion
		for _, w := range beginning(words, last) {
			if !slices.Contains(strings.Split(typed, ","), w) {
				all = append(all, typed+w)
			}
		}
		// A comma or a space may follow.
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// connect returns clients for the cluster.
func (c *Cluster) connect() (*cluster.Clients, error) {
	config, err := plugin.RESTConfig(c.flags, c.plugin)
	if err != nil {
		return nil, err
	}
	return cluster.Connect(config)
}

// harmless are words that mean nothing else to a shell: whatever API servers admit as names and as values of labels, and what is usual in
// kubeconfigs. No others are offered, whoever has answered.
var harmless = regexp.MustCompile(`^[A-Za-z0-9_][-A-Za-z0-9_./:@+=,]*$`)

// beginning returns what begins with what is typed, and may be put on a command line.
func beginning(all []cobra.Completion, typed string) (found []cobra.Completion) {
	for _, c := range all {
		if w := word(c); strings.HasPrefix(w, typed) && harmless.MatchString(w) {
			found = append(found, c)
		}
	}
	return found
}

// described returns a word with what is said of it. Both are others': what a terminal would obey is escaped, in the word too, where a
// tab would begin a description.
func described(w, description string) cobra.Completion {
	w = printing.Escape(w)
	if description == "" {
		return w
	}
	return cobra.CompletionWithDesc(w, printing.Escape(description))
}

// named returns words of which nothing is said.
func named(words []string) []cobra.Completion {
	all := make([]cobra.Completion, 0, len(words))
	for _, w := range words {
		all = append(all, described(w, ""))
	}
	return all
}

// word returns a completion without its description.
func word(c cobra.Completion) string {
	w, _, _ := strings.Cut(c, "\t")
	return w
}
