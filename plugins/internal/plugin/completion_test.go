package plugin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// completionOf runs `completion` with the arguments, and returns what it prints to stdout and to stderr.
func completionOf(args ...string) (stdout, stderr string, err error) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	cmd := NewCompletionCommand("kubectl-mesh-example", streams)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.Execute()
	return out.String(), errOut.String(), err
}

func TestWhatCompletionCannotDo(t *testing.T) {
	for args, want := range map[string]string{
		"":                    "name one shell, bash, zsh, fish or powershell, or use --install",
		"tcsh":                "name one shell, bash, zsh, fish or powershell, or use --install",
		"bash zsh":            "name one shell, bash, zsh, fish or powershell, or use --install",
		"bash --install":      `--install is about kubectl, whatever the shell, and "bash" is named too: use either`,
		"--dir /tmp":          "--dir says where --install writes: add --install",
		"--install --dir /no": "--dir /no does not exist: make it with `mkdir -p`, or name another",
	} {
		if out, _, err := completionOf(strings.Fields(args)...); err == nil || err.Error() != want || out != "" {
			t.Errorf("%q: got %v, %q", args, err, out)
		}
	}
}

func TestTheScriptIsForTheNameThatThePluginWasCalledBy(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/bin/kubectl-mesh_example": "kubectl-mesh_example",
		"kubectl-mesh-example":          "kubectl-mesh-example",
		"kubectl-mesh_example.exe":      "kubectl-mesh_example",
		"/tmp/a.out":                    "kubectl-mesh_example",
	} {
		if got := calledAs("kubectl-mesh-example", path); got != want {
			t.Errorf("%s: got %s", path, got)
		}
	}
	for _, shell := range shells {
		out, _, err := completionOf(shell)
		if err != nil || !strings.Contains(out, "kubectl-mesh_example") || !strings.Contains(out, "__complete") {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}

// bashCompletes types a line in bash, with what stands for the plugin keeping its arguments and answering, and returns those and what is
// offered.
func bashCompletes(t *testing.T, script, line, answer string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is not installed")
	}
	dir := t.TempDir()
	const program = "#!/bin/sh\nfor a in \"$@\"; do printf '[%s]' \"$a\"; done >\"$ASKED\"\nprintf '%b' \"$ANSWER\"\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl-mesh_example"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"here/sub folder", "here/*"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"here/a.json", "here/b c.md", "here/d.txt"} {
		if err := os.WriteFile(filepath.Join(dir, path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Bash itself splits the line as it does for a person who presses TAB.
	words := "kubectl-mesh_example " + line
	const typing = `source script
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=() COMP_CWORD=0
rest=$1
while [[ $rest =~ ^[[:space:]]*([=:]+|[^=:[:space:]]+)(.*)$ ]]; do COMP_WORDS+=("${BASH_REMATCH[1]}"); rest=${BASH_REMATCH[2]}; done
[[ $1 == *[=[:space:]] ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
__start_kubectl-mesh_example
IFS='|'
echo "$(<"$ASKED") ${COMPREPLY[*]}"`
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "--norc", "-c", typing, "bash", words)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "ASKED=" + filepath.Join(dir, "asked"), "ANSWER=" + answer, "COLUMNS=80"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestBashCompletesWithoutThePackageBashCompletion(t *testing.T) {
	script, _, err := completionOf("bash")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, answer, want string }{
		{"start --to ", `1-22\n1-23\n:4`, "[__complete][start][--to][] 1-22|1-23"},
		{"start --to 1-2", `1-22\n1-23\n:4`, "[__complete][start][--to][1-2] 1-22|1-23"},
		{"start --to 1-23", `1-22\n1-23\n:4`, "[__complete][start][--to][1-23] 1-23"},
		{"start --to=", `1-22\n1-23\n:4`, "[__complete][start][--to=] 1-22|1-23"},
		{"start --to=1-23", `1-22\n1-23\n:4`, "[__complete][start][--to=1-23] 1-23"},
		{"start --as a:b --", `:4`, "[__complete][start][--as][a:b][--]"},
		{"", `1-22\n1-23\n:4`, "[__complete][] 1-22|1-23"},
		{"start --report here/", `json\nmd\n:8`, "[__complete][start][--report][here/] here/*|here/sub folder|here/a.json|here/b c.md"},
		{"start --report=here/b", `json\nmd\n:8`, "[__complete][start][--report=here/b] here/b c.md"},
		{"start --report none", `json\nmd\n:8`, "[__complete][start][--report][none]"},
		{"start --cache-dir here/", `:16`, "[__complete][start][--cache-dir][here/] here/*|here/sub folder"},
		{"start --cache-dir=here/s", `:16`, "[__complete][start][--cache-dir=here/s] here/sub folder"},
	} {
		got, offered, _ := strings.Cut(bashCompletes(t, script, c.line, c.answer), " ")
		// Bash names files in no order.
		words := strings.Split(offered, "|")
		slices.Sort(words)
		want, wanted, _ := strings.Cut(c.want, " ")
		all := strings.Split(wanted, "|")
		slices.Sort(all)
		if got != want || !slices.Equal(words, all) {
			t.Errorf("%q: got %s %q, want %s %q", c.line, got, words, want, all)
		}
	}
}

func TestBashCompletesFilesByThePackageWhereItIsInstalled(t *testing.T) {
	script, _, err := completionOf("bash")
	if err != nil {
		t.Fatal(err)
	}
	script = "_filedir() { COMPREPLY=(\"the package's own for $*\"); }\n" + script
	for answer, want := range map[string]string{`json\nmd\n:8`: "json|md|", `:16`: "-d"} {
		if got := bashCompletes(t, script, "start --report ", answer); got != "[__complete][start][--report][] the package's own for "+want {
			t.Errorf("%s: got %q", answer, got)
		}
	}
}

// installing is a directory that completion is installed to.
type installing struct {
	dir string
	// files are those that are written there, one for each spelling of the command.
	files [2]string
}

func newInstalling(t *testing.T) installing {
	t.Helper()
	dir := t.TempDir()
	return installing{dir, [2]string{filepath.Join(dir, "kubectl_complete-mesh_example"), filepath.Join(dir, "kubectl_complete-mesh-example")}}
}

// with runs `completion --install` with the arguments, and returns what it says and its error, empty for none.
func (i installing) with(t *testing.T, args ...string) (said, failed string) {
	t.Helper()
	stdout, said, err := completionOf(append([]string{"--install"}, args...)...)
	if stdout != "" {
		t.Errorf("stdout is for the scripts, and has %q", stdout)
	}
	if err != nil {
		failed = err.Error()
	}
	return said, failed
}

func TestCompletionIsNotInstalledWhereKubectlDoesNotLook(t *testing.T) {
	i := newInstalling(t)
	t.Setenv("PATH", "/usr/bin:/bin")
	if _, err := i.with(t, "--dir", i.dir); err != "--dir "+i.dir+" is not on PATH, where kubectl looks: add it to PATH, or name a directory that is there" {
		t.Error(err)
	}
	if _, err := i.with(t); err != "kubectl-mesh_example is not on PATH, so that kubectl does not find the plugin: put it there, or name a directory that is on PATH with --dir" {
		t.Error(err)
	}
}

func TestInstallingCompletion(t *testing.T) {
	i := newInstalling(t)
	t.Setenv("PATH", "/usr/bin:/bin:"+i.dir)
	t.Run("beside the plugin's link, and again", func(t *testing.T) {
		if err := os.Symlink("/bin/sh", filepath.Join(i.dir, "kubectl-mesh_example")); err != nil {
			t.Fatal(err)
		}
		if said, err := i.with(t); err != "" || said != fmt.Sprintf("wrote %s\nwrote %s\n", i.files[0], i.files[1]) {
			t.Errorf("%s, %q", err, said)
		}
		if said, err := i.with(t); err != "" || said != fmt.Sprintf("%s is up to date\n%s is up to date\n", i.files[0], i.files[1]) {
			t.Errorf("%s, %q", err, said)
		}
		text, err := os.ReadFile(i.files[0])
		if want := "#!/bin/sh\n# Written by the kubectl-mesh plugins: completion --install.\nexec kubectl-mesh_example __complete \"$@\"\n"; err != nil || string(text) != want {
			t.Errorf("%v\n%s", err, text)
		}
		info, err := os.Stat(i.files[1])
		if err != nil || info.Mode() != 0o755 {
			t.Errorf("%v, %v", info, err)
		}
	})

	t.Run("an older one of ours is replaced", func(t *testing.T) {
		if err := os.WriteFile(i.files[1], []byte("#!/bin/sh\n# "+ours+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if said, err := i.with(t, "--dir", i.dir); err != "" || said != fmt.Sprintf("%s is up to date\nwrote %s\n", i.files[0], i.files[1]) {
			t.Errorf("%s, %q", err, said)
		}
	})
}

func TestInstallingCompletionLeavesWhatIsSomebodyElsesAndWritesNothing(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a file": func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\necho mine\n"), 0o755) },
		"a link": func(path string) error { return os.Symlink("nowhere", path) },
	} {
		i := newInstalling(t)
		t.Setenv("PATH", "/usr/bin:/bin:"+i.dir)
		if err := put(i.files[1]); err != nil {
			t.Fatal(err)
		}
		want := i.files[1] + " was not written by this plugin, and is left as it is: move it away, or name another directory with --dir"
		if said, err := i.with(t, "--dir", i.dir); err != want || said != "" {
			t.Errorf("%s: %s, %q", name, err, said)
		}
		if _, err := os.Lstat(i.files[0]); err == nil {
			t.Errorf("%s: the other was written", name)
		}
	}
}

func TestOnWindowsKubectlCompletesNoPlugins(t *testing.T) {
	o := &completionOptions{plugin: "kubectl-mesh-example"}
	err := o.install("windows")
	const want = "kubectl completes no plugins on Windows: have PowerShell complete kubectl-mesh_example by what `kubectl-mesh_example completion powershell` prints"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestADirectoryThatCannotBeWrittenToIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	err := newCompleterFile(dir, "kubectl-mesh_example").write()
	if want := "writing to " + dir + ": no such file or directory; name a directory of your own that is on PATH with --dir"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestTheShellsCompleteThemselves(t *testing.T) {
	cmd := NewCompletionCommand("kubectl-mesh-example", genericiooptions.NewTestIOStreamsDiscard())
	got, directive := cmd.ValidArgsFunction(cmd, nil, "z")
	if !slices.Equal(got, []string{"zsh"}) || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("got %v, %d", got, directive)
	}
	if got, _ := cmd.ValidArgsFunction(cmd, []string{"bash"}, ""); len(got) > 0 {
		t.Errorf("after a shell there is %v", got)
	}
}

func TestAShellShowsWhatFlagsAreForWithoutBackquotes(t *testing.T) {
	for args, want := range map[string]bool{"p __complete st": true, "p __completeNoDesc st": true, "p start __complete": false, "p": false} {
		if got := isCompletion(strings.Fields(args)); got != want {
			t.Errorf("%s: got %v", args, got)
		}
	}
	var out strings.Builder
	root := &cobra.Command{Use: "kubectl-mesh-example"}
	root.SetOut(&out)
	root.AddCommand(NewCompletionCommand("kubectl-mesh-example", genericiooptions.NewTestIOStreamsDiscard()))
	plainUsages(root)
	root.SetArgs([]string{cobra.ShellCompRequestCmd, "completion", "--dir"})
	root.SetErr(&strings.Builder{})
	if err := root.Execute(); err != nil || !strings.HasPrefix(out.String(), "--dir\tWith --install, write them to this directory, which") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
