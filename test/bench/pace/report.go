package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

// promised is how many pods a minute guides have people plan for.
const promised = 100

// report is everything that was measured.
type report struct {
	namespaces int
	runs       map[string]measure.Runs // by the command's name
	// traffics are those of the plugin's runs: the first over half as many Deployments as the others.
	traffics []*traffic
	// slotted are the runs with few slots.
	slotted []slotted
}

// count takes account of what a run has sent.
func (r *report) count(sent []auditv1.Event) { r.traffics = append(r.traffics, tally(sent)) }

// slotted is how a run with few slots used them.
type slotted struct {
	wall, busy time.Duration
	asking     time.Duration
}

// share returns a part of the time that all slots had together.
func (s slotted) share(part time.Duration) float64 { return float64(part) / float64(slots*s.wall) }

// idle is the share in which no workload had the slot, asking that in which the injector was asked about one.
func (s slotted) idle() float64 { return 1 - s.share(s.busy) }

// readSlots takes from the report of the run that was counted last how long each workload took.
func (r *report) readSlots(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading what %s printed: %w", tenSlots, err)
	}
	var own struct {
		Items []struct {
			Outcome string  `json:"outcome"`
			Seconds float64 `json:"seconds"`
		} `json:"items"`
		Summary struct {
			Seconds float64 `json:"seconds"`
		} `json:"summary"`
	}
	if err := json.Unmarshal(content, &own); err != nil {
		return fmt.Errorf("reading what %s printed: %w", tenSlots, err)
	}
	s := slotted{wall: duration(own.Summary.Seconds), asking: r.traffics[len(r.traffics)-1].asking}
	for _, item := range own.Items {
		if item.Outcome != "restarted" {
			return fmt.Errorf("%s has a workload that is %s", tenSlots, item.Outcome)
		}
		s.busy += duration(item.Seconds)
	}
	r.slotted = append(r.slotted, s)
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// write prints the report as Markdown. The error is w's.
func (r *report) write(w io.Writer) error {
	_, err := fmt.Fprintln(w, strings.Join([]string{r.comparison(), r.verdict(), r.traffic()}, "\n\n"))
	return err
}

// comparison shows every command with its time as a ratio to the floor's.
func (r *report) comparison() string {
	var rows [][]string
	for _, name := range []string{floor, unthrottled, tenSlots, loop, help} {
		runs := r.runs[name]
		wall, rate, ratio := runs.Wall(), "", ""
		if name != help {
			rate = measure.Grouped(int(float64(r.pods()) / wall.Minutes()))
			ratio = measure.Number(measure.Ratio(wall, r.runs[floor].Wall()))
		}
		rows = append(rows, []string{measure.Code(name), fmt.Sprint(len(runs)), measure.Seconds(wall), ratio, rate, measure.Seconds(runs.CPU()), measure.Mebibytes(runs.Memory())})
	}
	head := []string{"command", "runs", "time", "ratio", "pods a minute", "CPU of its own", "peak memory"}
	return fmt.Sprintf("%s pods in %d Deployments and %d namespaces, ready %s after they start; medians, the commands in turn:\n\n%s\n\n"+
		"Guides have people plan for %d pods a minute.", measure.Grouped(r.pods()), r.namespaces*deployments, r.namespaces, readyAfter,
		measure.Table(head, rows), promised)
}

func (r *report) pods() int { return r.namespaces * deployments * replicas }

func (r *report) verdict() string {
	return measure.Verdict("at "+measure.Grouped(r.pods())+" pods", r.bars())
}

// traffic shows what a run over few Deployments sends, and what one over all of them does.
func (r *report) traffic() string {
	var rows [][]string
	for _, t := range []*traffic{r.few(), r.whole()} {
		row := []string{fmt.Sprint(t.workloads)}
		for _, n := range []int{t.lists, t.pages, t.watches, t.again, t.dryRuns, t.patches, t.others} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, row)
	}
	return "What is sent:\n\n" + measure.Table([]string{
		"Deployments", "lists", "their further pages", "watches", "begun anew", "dry runs", "patches", "others"}, rows)
}

func (r *report) few() *traffic { return r.traffics[0] }

// whole is the run over all Deployments that has sent the most of what is to be constant.
func (r *report) whole() *traffic {
	most := r.traffics[1]
	for _, t := range r.traffics[1:] {
		if t.constant() > most.constant() {
			most = t
		}
	}
	return most
}
