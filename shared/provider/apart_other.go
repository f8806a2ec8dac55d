//go:build !unix

package provider

import (
	"os"
	"os/exec"
)

// setApart does nothing where there are no process groups.
func setApart(*exec.Cmd) {}

// interrupt ends the tool: there is no signal to ask it to.
func interrupt(p *os.Process) error { return p.Kill() }

// end does nothing: the tool has ended, and what it has started is not known.
func end(*os.Process) {}
