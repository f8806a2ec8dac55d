package measure

import (
	"cmp"
	"slices"
	"time"
)

// Sample is what one run of a command took.
type Sample struct {
	Wall   time.Duration `json:"wall"`
	CPU    time.Duration `json:"cpu"`
	Memory int64         `json:"memory"` // peak resident size in bytes, of the command or of the largest of its children
}

// Runs is what the counted runs of one command took.
type Runs []Sample

// Wall returns the median of the times.
func (r Runs) Wall() time.Duration {
	return Median(r, func(s Sample) time.Duration { return s.Wall })
}

// CPU returns the median of the times that processors worked for the command itself.
func (r Runs) CPU() time.Duration { return Median(r, func(s Sample) time.Duration { return s.CPU }) }

// Memory returns the median of the peaks.
func (r Runs) Memory() int64 { return Median(r, func(s Sample) int64 { return s.Memory }) }

// Median returns the middle one of the values, of an even number of them the higher of the two; there must be one.
func Median[S any, T cmp.Ordered](all []S, value func(S) T) T {
	values := make([]T, len(all))
	for i, s := range all {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// Ratio tells how many times b goes into a.
func Ratio[T ~int64](a, b T) float64 { return float64(a) / float64(b) }
