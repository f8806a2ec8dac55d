package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	_ "embed"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// bashOwn are functions that do what cobra's script needs of the package bash-completion, for where that is not installed.
//
//go:embed own.bash
var bashOwn string

// insteadOfThePackage has cobra's script call them where it calls the package.
var insteadOfThePackage = strings.NewReplacer(
	`_get_comp_words_by_ref "$@" cur prev words cword`, "__kubectl_mesh_words",
	"_filedir", "__kubectl_mesh_files",
)

// shells are those that a script is printed for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

const completionLong = `Have the shell complete what is typed after %[1]s:
commands, flags, their values, and, from the cluster, namespaces, workloads,
revisions and tags.

On Linux and macOS, kubectl completes its plugins from version 1.26 on, wherever
the shell completes kubectl. It asks a program for that, which --install writes:
%[2]s and, for the other spelling of the
command, %[3]s. They go to the directory on PATH
that the plugin is in, or to the one that --dir names. Files of others are left
as they are. On Windows, kubectl completes no plugins.

With the name of a shell, a script is printed that completes the plugin where it
is called by the name of its own file, %[4]s. In bash the
package bash-completion is not needed.`

const completionExample = `  # Complete it, where the shell completes kubectl
  %[1]s completion --install

  # The same, where the plugin's own directory is not yours to write to
  %[1]s completion --install --dir ~/.local/bin

  # Have the shell complete kubectl, if it does not: bash or zsh
  source <(kubectl completion bash)
  source <(kubectl completion zsh)

  # Complete the plugin's own file in bash: in this session, and in all to come
  source <(%[2]s completion bash)
  echo 'source <(%[2]s completion bash)' >> ~/.bashrc

  # In zsh
  source <(%[2]s completion zsh)
  echo 'source <(%[2]s completion zsh)' >> ~/.zshrc

  # In fish
  %[2]s completion fish | source
  %[2]s completion fish > \
    ~/.config/fish/completions/%[2]s.fish

  # In PowerShell; in $PROFILE, the same line holds for all sessions to come
  %[2]s completion powershell | Out-String | Invoke-Expression`

// plainUsages has the texts of all flags read well where a shell shows them: help takes the names of values out of them, which stand between
// backquotes, and completion does not.
func plainUsages(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	for _, c := range cmd.Commands() {
		plainUsages(c)
	}
}

// isCompletion says whether a command line is one by which a shell asks what may follow.
func isCompletion(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[1])
}

// completionOptions is what the command line of `completion` says.
type completionOptions struct {
	genericiooptions.IOStreams
	Install bool
	Dir     string
	// plugin is the plugin's name, such as kubectl-mesh-canary.
	plugin string
}

// NewCompletionCommand returns the subcommand that has shells complete the plugin of that name, in the place of cobra's own.
func NewCompletionCommand(name string, streams genericiooptions.IOStreams) *cobra.Command {
	o := &completionOptions{IOStreams: streams, plugin: name}
	names := fileNames(name)
	display := strings.Replace(name, "-", " ", 1)
	cmd := &cobra.Command{
		Use:     "completion " + strings.Join(shells, "|") + " | --install",
		Short:   "Have the shell complete this plugin",
		Long:    fmt.Sprintf(completionLong, display, completer(names[0]), completer(names[1]), names[0]),
		Example: fmt.Sprintf(completionExample, display, names[0]),
		RunE:    func(_ *cobra.Command, args []string) error { return o.run(args) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 || o.Install {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return slices.DeleteFunc(slices.Clone(shells), func(s string) bool { return !strings.HasPrefix(s, toComplete) }), cobra.ShellCompDirectiveNoFileComp
		},
		DisableFlagsInUseLine: true,
	}
	AddConnectionFlags(cmd, func(*pflag.FlagSet) {})
	cmd.Flags().BoolVar(&o.Install, "install", o.Install, "Write the programs by which kubectl completes this plugin.")
	cmd.Flags().StringVar(&o.Dir, "dir", o.Dir, "With --install, write them to this `directory`, which has to be on PATH. Unset, it is the one on PATH that the plugin is in.")
	_ = cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
	return cmd
}

// fileNames are the names of a plugin's file by which kubectl finds it, one for each spelling of the command: the first is
// krew's.
func fileNames(plugin string) [2]string {
	kubectl, rest, _ := strings.Cut(plugin, "-")
	return [2]string{kubectl + "-" + strings.ReplaceAll(rest, "-", "_"), plugin}
}

// completer is the name of the program by which kubectl completes a plugin. Source: lookupCompletionExec in
// k8s.io/kubectl/pkg/cmd/plugin.
func completer(file string) string { return strings.Replace(file, "-", "_complete-", 1) }

func (o *completionOptions) run(args []string) error {
	switch {
	case o.Install && len(args) > 0:
		return fmt.Errorf("--install is about kubectl, whatever the shell, and %q is named too: use either", args[0])
	case o.Install:
		return o.install(runtime.GOOS)
	case o.Dir != "":
		return errors.New("--dir says where --install writes: add --install")
	case len(args) != 1 || !slices.Contains(shells, args[0]):
		return fmt.Errorf("name one shell, %s, or use --install", OrList(shells))
	}
	if err := script(o.Out, args[0], calledAs(o.plugin, os.Args[0])); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	return nil
}

// calledAs is the name by which the plugin's own file was called: the script is for that.
func calledAs(plugin, path string) string {
	names := fileNames(plugin)
	if name := strings.TrimSuffix(filepath.Base(path), ".exe"); name == names[1] {
		return name
	}
	return names[0]
}

// script writes the script by which a shell completes a program of that name.
func script(out io.Writer, shell, name string) error {
	// Such a script asks the program itself, and knows no more of it than its name.
	program := &cobra.Command{Use: name}
	switch shell {
	case "bash":
		var text strings.Builder
		if err := program.GenBashCompletionV2(&text, true); err != nil {
			return err
		}
		_, err := io.WriteString(out, bashOwn+insteadOfThePackage.Replace(text.String()))
		return err
	case "zsh":
		return program.GenZshCompletion(out)
	case "fish":
		return program.GenFishCompletion(out, true)
	default:
		return program.GenPowerShellCompletionWithDesc(out)
	}
}

// install writes the programs by which kubectl completes the plugin. On Windows it looks for none: it takes ".exe" for a part of a plugin's
// name. Source: registerPluginCommands in k8s.io/kubectl/pkg/cmd/plugin.
func (o *completionOptions) install(system string) error {
	names := fileNames(o.plugin)
	if system == "windows" {
		return fmt.Errorf("kubectl completes no plugins on Windows: have PowerShell complete %[1]s by what `%[1]s completion powershell` prints", names[0])
	}
	dir, err := installDir(o.Dir, names[:])
	if err != nil {
		return err
	}
	var files []completerFile
	for _, name := range names {
		files = append(files, newCompleterFile(dir, name))
	}
	return writeCompleters(files, o.ErrOut)
}
