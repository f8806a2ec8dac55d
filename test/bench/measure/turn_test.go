package measure

import "testing"

func TestEveryOtherRoundGoesBackwards(t *testing.T) {
	commands := []Command{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for round, want := range map[int]string{0: "abc", 1: "cba", 2: "abc"} {
		got := ""
		for _, c := range InTurn(commands, round) {
			got += c.Name
		}
		if got != want {
			t.Errorf("round %d: got %s, want %s", round, got, want)
		}
	}
}
