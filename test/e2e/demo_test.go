package e2e

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// podSuffix is what controllers add to the names of the pods they make, and nodeName where the scheduler put them.
var (
	podSuffix = regexp.MustCompile(`(\b[a-z-]+)-[0-9a-f]{8,10}-[a-z0-9]{5}\b`)
	nodeName  = regexp.MustCompile(`\bnode-\d\b`)
	// tookText is how long anything took, probeAddress where the lab answers a probe, probeRow what the report says of it.
	tookText     = regexp.MustCompile(`\b(\d+m)?\d+(\.\d+)?s\b`)
	probeAddress = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	probeRow     = regexp.MustCompile(`(?m)^\| http.*$`)
	counted      = regexp.MustCompile(`\b[1-9]\d*\b`)
	// perMinute and requests are what a run counts, sinceText is when an upgrade was started, clusterIP where a Service is, and age the columns
	// whose width follows their content.
	perMinute = regexp.MustCompile(`\b\d+ a minute\b`)
	requests  = regexp.MustCompile(`\d+ requests?, (\d+ errors?); 200: \d+`)
	sinceText = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b`)
	age       = regexp.MustCompile(`\b(AGE|Ns|ADDRESS|CLUSTER-IP) +`)
	clusterIP = regexp.MustCompile(`\b10\.(9[6-9]|1[01]\d)\.\d+\.\d+\b`)
)

// timeless takes out of what the demo says whatever differs from run to run. A count of none stays.
func timeless(said []byte) []byte {
	said = podSuffix.ReplaceAll(said, []byte("$1-HASH"))
	said = nodeName.ReplaceAll(said, []byte("node-N"))
	said = tookText.ReplaceAll(said, []byte("Ns"))
	said = probeAddress.ReplaceAll(said, []byte("localhost:PORT"))
	said = perMinute.ReplaceAll(said, []byte("N a minute"))
	said = requests.ReplaceAll(said, []byte("N requests, $1; 200: N"))
	said = sinceText.ReplaceAll(said, []byte("MOMENT"))
	said = clusterIP.ReplaceAll(said, []byte("CLUSTER-IP"))
	said = age.ReplaceAll(said, []byte("$1  "))
	return probeRow.ReplaceAllFunc(said, func(row []byte) []byte { return counted.ReplaceAll(row, []byte("N")) })
}

// TestTheDemoTellsItsStory runs `make demo` and compares what it says with the golden file, which the README quotes.
func TestTheDemoTellsItsStory(t *testing.T) {
	demo := exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join("..", ".."), "demo")
	demo.Env = append(os.Environ(), "LAB_DIR="+t.TempDir())
	var log logged
	demo.Stderr = &log
	out, err := demo.Output()
	if err != nil {
		t.Fatalf("make demo: %v\n%s\n%s", err, out, log)
	}
	got := timeless(out)
	golden := filepath.Join("testdata", "demo.golden")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the demo says\n%s\nwant\n%s", got, want)
	}
}

type logged []byte

func (l *logged) Write(p []byte) (int, error) {
	*l = append(*l, p...)
	return len(p), nil
}
