package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

func TestCodeIsCountedForItsModule(t *testing.T) {
	modules := modulesOf("x: go1.26\n\tpath\texample.com/tool\n\tmod\texample.com/tool\t(devel)\t\n\tdep\tk8s.io/api\tv0.37.2\th1:x=\n\tdep\tgopkg.in/inf.v0\tv0.9.1\th1:y=\n\tbuild\t-trimpath=true\n")
	symbols := `
  401000        100 T k8s.io/api/core/v1.(*Pod).Marshal
  401100         20 t k8s.io/api/core/v1.init.0
  401200          7 T slices.SortFunc[go.shape.[]k8s.io/api/core/v1.Pod,go.shape.struct { k8s.io/api/core/v1.x }]
  401300          3 T gopkg.in/inf%2ev0.NewDec
  401400          5 T example.com/tool/sub.main
  401500          2 T runtime.main
  401600       1000 D k8s.io/api/core/v1.data
                    U _cgo_init
`
	want := map[string]float64{"k8s.io/api": 120, standard: 9, "gopkg.in/inf.v0": 3, "example.com/tool": 5}
	if got := groupCode(symbols, modules); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheTraceOfInitialisationIsRead(t *testing.T) {
	got := parseInit("init runtime @0.05 ms, 0.10 ms clock, 0 bytes, 0 allocs\nkubectl-mesh-canary v0\ninit k8s.io/api/core/v1 @1.2 ms, 2.25 ms clock, 99976 bytes, 12 allocs\n")
	if want := map[string]float64{"runtime": 0.1, "k8s.io/api/core/v1": 2.25}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheLargestComeFirst(t *testing.T) {
	got := largest(map[string]float64{"b": 1, "a": 1, "c": 3})
	if want := []part{{"c", 3}, {"a", 1}, {"b", 1}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheReportComparesProcessorTimeWithKubectls(t *testing.T) {
	r := &report{
		rounds: 1, commands: []string{reference, "kubectl mesh-canary version"},
		sizes: []sizes{{"canary", 61_300_000, 80_000_000, 17_900_000}},
		runs: map[string]measure.Runs{
			reference:                     {{Wall: 40 * time.Millisecond, CPU: 20 * time.Millisecond, Memory: 40 << 20}},
			"kubectl mesh-canary version": {{Wall: 40 * time.Millisecond, CPU: 30 * time.Millisecond, Memory: 42 << 20}},
		},
		code:     map[string]float64{"k8s.io/api": 3e6, standard: 1e6},
		sections: map[string]float64{".text": 5e6, ".gopclntab": 3e6, ".rodata": 1e6, ".data": 1e6},
		inits:    map[string]float64{"runtime": 0.5, "k8s.io/api/core/v1": 2.25},
	}
	var b strings.Builder
	if err := r.write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `kubectl-mesh_canary` | 61.3 MB | 17.9 MB | 80.0 MB |",
		"| `kubectl mesh-canary version` | 40 ms | 30 ms | 1.50 | 42 MiB |",
		"| code | 5.0 MB | 50.0 % |",
		"| k8s.io/api | 3.0 MB | 75.0 % |",
		"| `k8s.io/api/core/v1` | 2.25 ms |",
		"| all 2 packages | 2.75 ms |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
}
