package progress

import (
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// palette colours words that say the same without colour; its zero value does not.
type palette struct{ on bool }

func (p palette) yellow(text string) string { return p.paint("33", text) }

func (p palette) outcome(o v1alpha1.Outcome) string {
	if !restarttext.Bad(o) {
		return restarttext.Outcome(o)
	}
	return p.paint("31", restarttext.Outcome(o))
}

// paint sets the colour of that number. Source: ECMA-48, SGR.
func (p palette) paint(colour, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
