package main

import "testing"

func TestEveryOtherRoundGoesBackwards(t *testing.T) {
	commands := []command{{name: "a"}, {name: "b"}, {name: "c"}}
	for round, want := range map[int]string{0: "abc", 1: "cba", 2: "abc"} {
		got := ""
		for _, c := range inTurn(commands, round) {
			got += c.name
		}
		if got != want {
			t.Errorf("round %d: got %s, want %s", round, got, want)
		}
	}
}
