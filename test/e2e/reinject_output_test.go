package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReinjectPrintsInEveryFormat: the same plan, and then the same results, on stdout; the rest goes to stderr.
func TestReinjectPrintsInEveryFormat(t *testing.T) {
	t.Parallel()
	const ns = "pace-output"
	p := stage(t, ns, newDeployment(ns, "cart", 2), newDeployment(ns, "web", 1))
	for format, want := range map[string]string{
		"": `^WAVE +NAMESPACE +WORKLOAD +STALE +FROM +TO +ACTION\n1 +pace-output +deployment/cart +2/2 +1\.22\.0 +1\.23\.0 +restart\n` +
			`1 +pace-output +deployment/web +1/1 +1\.22\.0 +1\.23\.0 +restart\n$`,
		"wide": `^WAVE .* UNAVAILABLE +REVISION +REASON\n1 .*cart .* 1-22 -> 1-23 .*\n1 .*web .*\n$`,
		"name": `^deployment/cart\ndeployment/web\n$`,
		"yaml": `(?s)^apiVersion: mesh\.kubectl\.dev/v1alpha1\nitems:\n.*kind: RestartPlan\n.*estimatedSeconds: \d+\n`,
		`jsonpath={range .items[*]}{.workload.name}:{.stale} {end}`:      `^cart:2 web:1 $`,
		`custom-columns=NAME:.workload.name,TO:.to.version --no-headers`: `^cart +1\.23\.0\nweb +1\.23\.0\n$`,
		`custom-columns=NAME:.workload.name`:                             `^NAME\ncart\nweb\n$`,
		` --no-headers`:                                                  `^1 +pace-output +deployment/cart .*\n1 +pace-output +deployment/web .*\n$`,
	} {
		p.wantOutput(format, want, "--dry-run=client")
	}
	satisfies(t, "restartplan", p.reinject("-n", ns, "--dry-run=client", "-o", "json").stdout)
	p.wantUntouched()
	p.wantOutput("", `^NAMESPACE +WORKLOAD +PODS +FROM +TO +ACTION +RESULT +TIME\npace-output +deployment/cart +2 +1\.22\.0 +1\.23\.0 +restart +restarted +[\d.ms]+\n`+
		`pace-output +deployment/web +1 .* restarted .*\n$`)
	p.wantOutput(`jsonpath={.items[*].outcome}`, `^restarted restarted$`, "--all")
	p.wantOutput("", `^$`)
}

// wantOutput runs in the namespace of the stage, with the format's words behind -o where there are any.
func (p *paced) wantOutput(format, want string, args ...string) {
	p.t.Helper()
	args = append(args, "-n", p.namespaces()[0])
	format, flags, _ := strings.Cut(format, " --")
	if format != "" {
		args = append(args, "-o", format)
	}
	if flags != "" {
		args = append(args, "--"+flags)
	}
	r := p.reinject(args...)
	if r.code != 0 || !regexp.MustCompile(want).MatchString(r.stdout) {
		p.t.Errorf("%v: exit %d, stdout:\n%swant %s\nstderr: %s", args, r.code, r.stdout, want, r.stderr)
	}
}

// TestReinjectExitsWithFindings: 2 is for what is left stale, and with --dry-run for what there is to do; only where it is asked for.
func TestReinjectExitsWithFindings(t *testing.T) {
	t.Parallel()
	const ns = "pace-findings"
	paused := newDeployment(ns, "paused", 1)
	p := stage(t, ns, newDeployment(ns, "web", 1), paused)
	if _, err := p.lab.Kubectl(t.Context(), "rollout", "pause", "deployment/paused", "-n", ns); err != nil {
		t.Fatal(err)
	}
	code := func(want int, args ...string) {
		t.Helper()
		if r := p.reinject(append(args, "-n", ns)...); r.code != want {
			t.Errorf("%v: exit %d, want %d\n%s%s", args, r.code, want, r.stdout, r.stderr)
		}
	}
	code(0, "--dry-run=client")
	code(2, "--dry-run=client", "--exit-code")
	code(2, "--exit-code")
	code(2, "--exit-code")
	code(0)
	if _, err := p.lab.Kubectl(t.Context(), "rollout", "resume", "deployment/paused", "-n", ns); err != nil {
		t.Fatal(err)
	}
	code(0, "--exit-code")
	code(0, "--exit-code", "--dry-run=client")
}

// TestReinjectRehearses: with --dry-run=server every patch is sent as a dry run, which the server checks, and nothing is changed.
func TestReinjectRehearses(t *testing.T) {
	t.Parallel()
	const ns = "pace-rehearse"
	p := stage(t, ns, newDeployment(ns, "a", 1), newDeployment(ns, "b", 1))
	r := p.reinject("-n", ns, "--dry-run=server")
	if r.code != 0 || !strings.Contains(r.stderr, "Nothing was changed.") || strings.Count(r.stdout, " restart\n") != 2 {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	var sent []string
	for _, m := range p.Mutations() {
		if m.Verb == "patch" {
			sent = append(sent, m.Name)
		}
	}
	slices.Sort(sent)
	if got := strings.Join(sent, " "); got != "a b" {
		t.Errorf("dry runs of patches for %q, want a b", got)
	}
	p.wantUntouched()
}

// TestReinjectWritesReports: the same run as JSON and as Markdown, in files that replace what was there.
func TestReinjectWritesReports(t *testing.T) {
	t.Parallel()
	const ns = "pace-report"
	p := stage(t, ns, newDeployment(ns, "a", 1), failsAnew(newDeployment(ns, "b", 1)))
	dir := t.TempDir()
	machine, people := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.md")
	writeFile(t, people, "of yesterday")
	printed := p.report(1, "-n", ns, "--report", machine, "--report", people)
	written := pacedReportOf(t, readFile(t, machine))
	if got, want := written.outcomes(), "a: restarted, b: failed"; got != want || printed.outcomes() != want {
		t.Errorf("written %s, printed %s, want %s", got, printed.outcomes(), want)
	}
	text := readFile(t, people)
	for _, want := range []string{"deployment/a", "deployment/b", "ImagePullBackOff", "restarted", "failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "of yesterday") {
		t.Errorf("what was there is still there:\n%s", text)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
