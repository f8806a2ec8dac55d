package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// initialised is a line of GODEBUG=inittrace=1.
var initialised = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock,`)

// initTimes returns how many milliseconds the initialisation of each package takes: the least of several runs, since other work of the
// machine only ever adds to it.
func initTimes(ctx context.Context, file string, runs int) (map[string]float64, error) {
	least := map[string]float64{}
	for range runs {
		cmd := exec.CommandContext(ctx, file, "version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace bytes.Buffer
		cmd.Stderr = &trace
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("tracing how %s starts: %w", file, err)
		}
		for pkg, took := range parseInit(trace.String()) {
			if before, seen := least[pkg]; !seen || took < before {
				least[pkg] = took
			}
		}
	}
	return least, nil
}

func parseInit(trace string) map[string]float64 {
	times := map[string]float64{}
	for _, line := range initialised.FindAllStringSubmatch(trace, -1) {
		if took, err := strconv.ParseFloat(line[2], 64); err == nil {
			times[line[1]] = took
		}
	}
	return times
}
