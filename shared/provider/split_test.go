package provider

import (
	"slices"
	"testing"
)

func TestACommandIsSplitAsAShellWould(t *testing.T) {
	for _, c := range []struct {
		command string
		want    []string
		err     string
	}{
		{command: "./up.sh", want: []string{"./up.sh"}},
		{command: "  helm \t upgrade\n istiod  ", want: []string{"helm", "upgrade", "istiod"}},
		{command: `a 'b c' "d e" f\ g`, want: []string{"a", "b c", "d e", "f g"}},
		{command: `a'b'"c"d`, want: []string{"abcd"}},
		{command: `a '' ""`, want: []string{"a", "", ""}},
		{command: `a 'x\y' "x\y" "q\"q" "d\$d" x\\y`, want: []string{"a", `x\y`, `x\y`, `q"q`, "d$d", `x\y`}},
		{command: "a \\\nb \"c\\\nd\"", want: []string{"a", "b", "cd"}},
		{command: `sh -c 'a | b && echo $C *'`, want: []string{"sh", "-c", "a | b && echo $C *"}},
		{command: "git show HEAD~1 a=b#c", want: []string{"git", "show", "HEAD~1", "a=b#c"}},
		{command: `a \| \$B \*`, want: []string{"a", "|", "$B", "*"}},
		{command: "ünï 'ço dé'", want: []string{"ünï", "ço dé"}},
		{command: "", err: "it is empty"},
		{command: " \n", err: "it is empty"},
		{command: "a 'b", err: "a ' is not closed"},
		{command: `a "b`, err: `a " is not closed`},
		{command: `a \`, err: `a \ stands at its end`},
		{command: "a | b", err: "'|' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
		{command: "a && b", err: "'&' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
		{command: "a $REVISION", err: "'$' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
		{command: `a "$REVISION"`, err: "'$' is for a shell, and none is involved: use ', or have one run it with sh -c '...'"},
		{command: "a *.yaml", err: "'*' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
		{command: "~/up.sh", err: "'~' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
		{command: "a # b", err: "'#' is for a shell, and none is involved: quote it, or have one run it with sh -c '...'"},
	} {
		t.Run(c.command, func(t *testing.T) {
			got, err := Split(c.command)
			if said := message(err); said != c.err || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %s\nwant %q, %s", got, said, c.want, c.err)
			}
			if err != nil {
				return
			}
			if again, err := Split(Quote(got)); err != nil || !slices.Equal(again, got) {
				t.Errorf("written as %s and split again: %q, %v", Quote(got), again, err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
