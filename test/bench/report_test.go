package main

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

var update = flag.Bool("update", false, "write the golden file")

// taken makes runs of which the middle one took the time and the memory.
func taken(wall time.Duration, mebibytes int64) measure.Runs {
	return measure.Runs{{Wall: wall * 2, Memory: mebibytes << 21}, {Wall: wall, Memory: mebibytes << 20}, {Wall: wall / 2, Memory: mebibytes << 19}}
}

func example() *report {
	sent := func(pods, namespaces int) *requests {
		pages := listed{kind: kind{limit: 500}, objects: pods}.pages()
		return &requests{
			namespaces: namespaces,
			listed: []listed{{
				kind: kindOfPods(), requests: pages, objects: pods,
			}},
			others: map[string]int{"get configmaps in istio-system": 3},
		}
	}
	small := &size{pods: 1000, requests: sent(1001, 15), statusRequests: sent(1001, 15), runs: map[string]measure.Runs{
		asJSON: taken(120*time.Millisecond, 70), plain: taken(100*time.Millisecond, 20),
		gzipped: taken(140*time.Millisecond, 20), help: taken(20*time.Millisecond, 40),
	}}
	large := &size{pods: 10_000, requests: sent(10_001, 105), statusRequests: sent(10_001, 105), runs: map[string]measure.Runs{
		asJSON: taken(1200*time.Millisecond, 75), asTable: taken(1300*time.Millisecond, 76), status: taken(1400*time.Millisecond, 71), plain: taken(time.Second, 20),
		gzipped: taken(1500*time.Millisecond, 20), pasteable: taken(12*time.Second, 2000), help: taken(20*time.Millisecond, 40),
	}}
	return &report{rounds: 3, sizes: []*size{small, large}, compared: large, spread: sent(1001, 105), statusSpread: sent(1001, 105)}
}

func kindOfPods() kind {
	k := kind{limit: 500}
	k.resource.Version, k.resource.Resource = "v1", "pods"
	return k
}

func TestTheReportIsMarkdown(t *testing.T) {
	var got bytes.Buffer
	if err := example().write(&got); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/report.md"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got:\n%s\nwant %s; -update writes it", got.Bytes(), file)
	}
}

func TestEachBarIsMetOnlyByWhatIsAsked(t *testing.T) {
	met := func(r *report) []bool {
		var all []bool
		for _, b := range r.bars() {
			all = append(all, b.Met)
		}
		return all
	}
	if got, want := met(example()), []bool{true, false, true, true, true, true, true, true}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	worse := example()
	worse.compared.runs[asJSON] = taken(1260*time.Millisecond, 81)
	worse.compared.runs[pasteable] = taken(20*time.Second, 2000)
	worse.compared.runs[help] = taken(100*time.Millisecond, 40)
	worse.spread.others["list pods in istio-system"] = 90
	worse.compared.runs[status] = taken(1500*time.Millisecond, 71)
	worse.statusSpread.others["list services in shop"] = 2
	if got, want := met(worse), []bool{false, true, false, false, false, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
