package main

import (
	"slices"
	"testing"
)

func TestTheSizesAreAscendingAndEachIsOnce(t *testing.T) {
	o := options{pods: 10_000}
	if err := o.sizes.Set("30000,1000,10000"); err != nil {
		t.Fatal(err)
	}
	if got, want := o.all(), []int{1000, 10_000, 30_000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, bad := range []string{"", "x", "0", "-1000", "1500"} {
		if err := new(sizes).Set(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestOptionsThatMeasureNothingAreRefused(t *testing.T) {
	for _, bad := range []options{{rounds: 5}, {pods: 1000}, {pods: 1500, rounds: 5}, {pods: -1000, rounds: 5}} {
		if err := bad.check(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if err := (options{sizes: sizes{1000}, rounds: 5}).check(); err != nil {
		t.Error(err)
	}
}
