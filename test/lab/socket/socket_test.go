package socket

import (
	"strings"
	"testing"
)

func TestASocketStaysInItsDirectoryWhereThePathIsShort(t *testing.T) {
	if got, want := Path("/short", "egress"), "/short/egress.sock"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestALongDirectoryGetsAShortSocketOfItsOwn(t *testing.T) {
	long := "/" + strings.Repeat("d", 120)
	one, other := Path(long, "egress"), Path(long+"2", "egress")
	if len(one) > 104 {
		t.Errorf("%s has %d bytes", one, len(one))
	}
	if one == other {
		t.Errorf("two directories share %s", one)
	}
}
