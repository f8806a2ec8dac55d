package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReinjectBadInputIsAnsweredInOneLine holds the exact message for what a user can get wrong; the exit code is 1, and
// nothing is restarted.
func TestReinjectBadInputIsAnsweredInOneLine(t *testing.T) {
	t.Parallel()
	const ns = "bad-restart"
	p := stage(t, ns, newDeployment(ns, "cart", 1))
	p.move(ns, oldRevision)
	createPods(t, p.lab, newPod(ns, "bare"))
	p.move(ns, newRevision)
	const see = "; see `kubectl mesh-reinject --help`"
	for name, c := range map[string]struct{ args, stderr string }{
		"unknown kind":       {"deploymnt/cart", `the server doesn't have a resource type "deploymnt"`},
		"unknown name":       {"deployment/nothing", `deployments.apps "nothing" not found`},
		"name without type":  {"cart", `"cart": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		"type without name":  {"deployment/", `"deployment/": name a workload or a pod as TYPE/NAME, such as deployment/cart`},
		"a namespace":        {"ns/" + ns, "namespace/" + ns + " is no workload: to see a namespace, use -n " + ns},
		"names everywhere":   {"-A deployment/cart", `a workload cannot be named across all namespaces: use either -n NAMESPACE with TYPE/NAME, or -A without names`},
		"named and selected": {"deployment/cart -l a=b", `a workload is either named or selected: use either TYPE/NAME or -l`},
		"broken selector":    {"-l a==b==c", `--selector "a==b==c": found '==', expected: ',' or 'end of string'`},
		"broken field":       {"--field-selector spec.nodeName", `--field-selector "spec.nodeName": invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'`},
		"unknown namespace":  {"-n not-there", "namespace not-there does not exist: see `kubectl get namespaces`"},

		"pause without an order of namespaces":     {"--pause 1s --order name", `--pause waits between namespaces, and --order name does not go by them: use either`},
		"a surge and eviction":                     {"--surge-singletons --method evict", `--surge-singletons changes Deployments, and --method evict does not: use either`},
		"a canary that nobody waits for":           {"--wait=false --canary 1 --pause 1s", `--wait=false does not see how the workloads fare, which --canary needs: use either`},
		"a pause that nobody waits for":            {"--wait=false --pause 1s", `--wait=false does not see how the workloads fare, which --pause needs: use either`},
		"a limit that nobody sees kept":            {"--wait=false --max-unavailable-pods 1", `--wait=false does not see how the workloads fare, which --max-unavailable-pods needs: use either`},
		"evictions that nobody waits for":          {"--wait=false --method evict", `--wait=false does not see how the workloads fare, which --method evict needs: use either`},
		"a limit of errors without a probe":        {"--probe-max-error-rate 1%", `--probe-max-error-rate is about --probe: name a URL, too`},
		"a method that the workload cannot take":   {"--method restart pod/bare", `pod/bare in namespace ` + ns + `: nothing would create it again, so that it takes no --method: leave it out, and use --bare-pods=recreate`},
		"no workload at a time":                    {"--max-parallel 0", `--max-parallel 0: use 1 or more`},
		"fewer than none at a time":                {"--max-parallel=-1", `--max-parallel -1: use 1 or more`},
		"fewer than no canary":                     {"--canary=-1", `--canary -1: use 0 or more`},
		"fewer than no unavailable pod":            {"--max-unavailable-pods=-1", `--max-unavailable-pods -1: use 0 or more`},
		"fewer than no pods a minute":              {"--pods-per-minute=-1", `--pods-per-minute -1: use 0 or more`},
		"negative pages":                           {"--chunk-size=-1", `--chunk-size -1: use 0 or more`},
		"a pause that is negative":                 {"--pause=-1s", `--pause -1s: use 0 or more`},
		"a timeout that is negative":               {"--timeout=-1s", `--timeout -1s: use 0 or more`},
		"a workload's timeout of nothing":          {"--workload-timeout 0", `--workload-timeout 0s: use more than 0`},
		"a probe without a pause":                  {"--probe http://x --probe-interval 0s", `--probe-interval 0s: use more than 0`},
		"a number that is none":                    {"--max-parallel many", `invalid argument "many" for "--max-parallel" flag: strconv.ParseInt: parsing "many": invalid syntax` + see},
		"a pause without a unit":                   {"--pause 5", `invalid argument "5" for "--pause" flag: time: missing unit in duration "5"` + see},
		"a timeout without a unit":                 {"--workload-timeout 600", `invalid argument "600" for "--workload-timeout" flag: time: missing unit in duration "600"` + see},
		"an interval without a unit":               {"--probe-interval 1", `invalid argument "1" for "--probe-interval" flag: time: missing unit in duration "1"` + see},
		"a URL that is none":                       {"--probe shop/healthz", `--probe: "shop/healthz" does not begin with http:// or https://`},
		"a URL without a host":                     {"--probe http:///healthz", `--probe: "http:///healthz" has no host`},
		"a URL of another scheme":                  {"--probe ftp://shop", `--probe: "ftp://shop" does not begin with http:// or https://`},
		"a broken URL with a password":             {"--probe http://me:hunter2@shop:port/x", `--probe: "...@shop:port/x" is not a well-formed URL`},
		"a URL with a password and no scheme":      {"--probe me:hunter2@shop", `--probe: "...@shop" does not begin with http:// or https://`},
		"a rate above all":                         {"--probe http://x --probe-max-error-rate 101%", `--probe-max-error-rate "101%": use a share from 0 to 1, or a percentage such as 1%`},
		"a rate below none":                        {"--probe http://x --probe-max-error-rate=-0.1", `--probe-max-error-rate "-0.1": use a share from 0 to 1, or a percentage such as 1%`},
		"a rate that is none":                      {"--probe http://x --probe-max-error-rate few", `--probe-max-error-rate "few": use a share from 0 to 1, or a percentage such as 1%`},
		"unknown method":                           {"--method reboot", `--method "reboot": use auto, restart, grace-period or evict`},
		"unknown order":                            {"--order random", `--order "random": use namespaces, size or name`},
		"unknown reaction":                         {"--on-failure panic", `--on-failure "panic": use stop or continue`},
		"unknown handling of bare pods":            {"--bare-pods delete", `--bare-pods "delete": use skip or recreate`},
		"unknown status":                           {"--include outdated", `--include "outdated": use missing or unexpected`},
		"unknown dry run":                          {"--dry-run=sure", `--dry-run "sure": use none, client or server`},
		"unknown output":                           {"-o jsonpath={.items", `--output "jsonpath={.items": error parsing jsonpath {.items, unclosed action`},
		"unknown flag":                             {"--nonsense", "unknown flag: --nonsense" + see},
		"a report of an unknown format":            {"--report r.txt", `--report: cannot tell how to write the report to "r.txt": its name has to end in .json or .md`},
		"a report in a folder that is not there":   {"--report /not/there/r.md", `--report: cannot write the report to /not/there/r.md: no such file or directory`},
		"a report where there is a folder already": {"--report DIR/folder.md", `--report: cannot write the report to DIR/folder.md: it is no file`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "folder.md"), 0o700); err != nil {
				t.Fatal(err)
			}
			args, want := strings.ReplaceAll(c.args, "DIR", dir), strings.ReplaceAll(c.stderr, "DIR", dir)
			wantFailure(t, p.reinject(append([]string{"-n", ns}, strings.Fields(args)...)...), 1, "error: "+want+"\n")
		})
	}
	p.wantUntouched()
}
