package main

import (
	"cmp"
	"slices"
	"time"
)

// runs is what the counted runs of one command took.
type runs []sample

func (r runs) wall() time.Duration {
	return median(r, func(s sample) time.Duration { return s.Wall })
}

func (r runs) memory() int64 { return median(r, func(s sample) int64 { return s.Memory }) }

// median returns the middle one of the values, of an even number of them the higher of the two; there must be one.
func median[T cmp.Ordered](all []sample, value func(sample) T) T {
	values := make([]T, len(all))
	for i, s := range all {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// ratio tells how many times b goes into a.
func ratio[T ~int64](a, b T) float64 { return float64(a) / float64(b) }
