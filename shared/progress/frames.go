package progress

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strconv"
)

// What terminals understand. Source: ECMA-48; the synchronised update, with which a terminal shows all of a frame at once,
// and which others ignore, is that of contour's specification.
const (
	begin     = "\x1b[?2026h"
	end       = "\x1b[?2026l"
	clearLine = "\r\x1b[2K"
	up        = "\x1b[A"
)

// clearing is how mpb begins a frame: so many rows up, and all that is below cleared.
var clearing = regexp.MustCompile(`^\x1b\[(\d+)A\x1b\[J`)

// frames passes each frame of mpb's on as a single write, and then says so.
type frames struct {
	out   io.Writer
	drawn chan struct{}
}

// Write never fails: a terminal that is gone must not end a run, and mpb would not answer any more.
func (f *frames) Write(frame []byte) (int, error) {
	_, _ = f.out.Write(slices.Concat([]byte(begin), lineByLine(frame), []byte(end)))
	f.drawn <- struct{}{}
	return len(frame), nil
}

// lineByLine has a frame clear the one before row by row. tmux and others that see all of a screen cleared keep what was on
// it, so that whoever scrolls back would find every frame.
func lineByLine(frame []byte) []byte {
	found := clearing.FindSubmatch(frame)
	if found == nil {
		return frame
	}
	// It is digits; a number that is too large for a terminal is none of mpb's.
	rows, _ := strconv.Atoi(string(found[1]))
	return slices.Concat([]byte(clearLine), bytes.Repeat([]byte(up+clearLine), rows), frame[len(found[0]):])
}
