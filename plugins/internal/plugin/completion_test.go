package plugin

import (
	"errors"
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

// bashCompletes types a line in bash, with what stands for the plugin printing its arguments, and returns what is offered.
func bashCompletes(t *testing.T, script, line string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is not installed")
	}
	dir := t.TempDir()
	answer := "#!/bin/sh\nfor a in \"$@\"; do printf '[%s]' \"$a\"; done >\"$ASKED\"\nprintf '1-22\\n1-23\\n:4\\n'\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl-mesh_example"), []byte(answer), 0o755); err != nil {
		t.Fatal(err)
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
echo "$(<"$ASKED") ${COMPREPLY[*]}"`
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "--norc", "-c", typing, "bash", words)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "ASKED=" + filepath.Join(dir, "asked"), "COLUMNS=80"}
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
	for line, want := range map[string]string{
		"start --to ":       "[__complete][start][--to][] 1-22 1-23",
		"start --to 1-2":    "[__complete][start][--to][1-2] 1-22 1-23",
		"start --to 1-23":   "[__complete][start][--to][1-23] 1-23",
		"start --to=":       "[__complete][start][--to=] 1-22 1-23",
		"start --to=1-23":   "[__complete][start][--to=1-23] 1-23",
		"start --as a:b --": "[__complete][start][--as][a:b][--]",
		"":                  "[__complete][] 1-22 1-23",
	} {
		if got := bashCompletes(t, script, line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestInstallingCompletion(t *testing.T) {
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "kubectl_complete-mesh_example"), filepath.Join(dir, "kubectl_complete-mesh-example")}
	install := func(args ...string) (string, string) {
		t.Helper()
		stdout, said, err := completionOf(append([]string{"--install"}, args...)...)
		if stdout != "" {
			t.Errorf("stdout is for the scripts, and has %q", stdout)
		}
		if err != nil {
			return said, err.Error()
		}
		return said, ""
	}

	t.Run("not where kubectl does not look", func(t *testing.T) {
		t.Setenv("PATH", "/usr/bin:/bin")
		if _, err := install("--dir", dir); err != "--dir "+dir+" is not on PATH, where kubectl looks: add it to PATH, or name a directory that is there" {
			t.Error(err)
		}
		if _, err := install(); err != "kubectl-mesh_example is not on PATH, so that kubectl does not find the plugin: put it there, or name a directory that is on PATH with --dir" {
			t.Error(err)
		}
	})

	t.Setenv("PATH", "/usr/bin:/bin:"+dir)
	t.Run("beside the plugin's link, and again", func(t *testing.T) {
		if err := os.Symlink("/bin/sh", filepath.Join(dir, "kubectl-mesh_example")); err != nil {
			t.Fatal(err)
		}
		if said, err := install(); err != "" || said != fmt.Sprintf("wrote %s\nwrote %s\n", files[0], files[1]) {
			t.Errorf("%s, %q", err, said)
		}
		if said, err := install(); err != "" || said != fmt.Sprintf("%s is up to date\n%s is up to date\n", files[0], files[1]) {
			t.Errorf("%s, %q", err, said)
		}
		text, err := os.ReadFile(files[0])
		if want := "#!/bin/sh\n# Written by the kubectl-mesh plugins: completion --install.\nexec kubectl-mesh_example __complete \"$@\"\n"; err != nil || string(text) != want {
			t.Errorf("%v\n%s", err, text)
		}
		info, err := os.Stat(files[1])
		if err != nil || info.Mode() != 0o755 {
			t.Errorf("%v, %v", info, err)
		}
	})

	t.Run("an older one of ours is replaced", func(t *testing.T) {
		if err := os.WriteFile(files[1], []byte("#!/bin/sh\n# "+ours+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if said, err := install("--dir", dir); err != "" || said != fmt.Sprintf("%s is up to date\nwrote %s\n", files[0], files[1]) {
			t.Errorf("%s, %q", err, said)
		}
	})

	t.Run("what is somebody else's stays, and nothing is written", func(t *testing.T) {
		for name, put := range map[string]func() error{
			"a file": func() error { return os.WriteFile(files[1], []byte("#!/bin/sh\necho mine\n"), 0o755) },
			"a link": func() error { return os.Symlink("nowhere", files[1]) },
		} {
			if err := errors.Join(os.Remove(files[0]), os.Remove(files[1]), put()); err != nil {
				t.Fatal(err)
			}
			if said, err := install(); err != files[1]+" was not written by this plugin, and is left as it is: move it away, or name another directory with --dir" || said != "" {
				t.Errorf("%s: %s, %q", name, err, said)
			}
			if _, err := os.Lstat(files[0]); err == nil {
				t.Errorf("%s: the other was written", name)
			}
			if err := os.WriteFile(files[0], nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestADirectoryThatCannotBeWrittenToIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	err := newCompleterFile("linux", dir, "kubectl-mesh_example").write()
	if want := "writing to " + dir + ": no such file or directory; name a directory of your own that is on PATH with --dir"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestWindowsRunsABatchFile(t *testing.T) {
	f := newCompleterFile("windows", "dir", "kubectl-mesh_example")
	want := "@echo off\r\nrem Written by the kubectl-mesh plugins: completion --install.\r\nkubectl-mesh_example __complete %*\r\n"
	if filepath.Base(f.path) != "kubectl_complete-mesh_example.bat" || string(f.text) != want {
		t.Errorf("got %s:\n%s", f.path, f.text)
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
