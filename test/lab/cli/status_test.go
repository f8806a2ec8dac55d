package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

func TestStatusNamesWhatIsDownAndWhy(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var out strings.Builder
	allUp := printStatus(&out, []process.State{
		{Name: "etcd", Pid: 11, Since: now.Add(-90 * time.Second), Detail: process.Detail{Port: 18001}},
		{Name: "istiod-1-22", Pid: 12, Problem: "stopped", Detail: process.Detail{Port: 18002, Revision: "1-22"}},
		{Name: "kwok", Pid: 13, Problem: "kwok ended: exit status 1; the end of kwok.log:\nno such file"},
	}, now)
	want := `NAME          STATE   PID   PORT    REVISION   UP
etcd          up      11    18001   -          1m30s
istiod-1-22   down    -     18002   1-22       -
kwok          down    -     -       -          -

kwok ended: exit status 1; the end of kwok.log:
no such file
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	if allUp {
		t.Error("two are down, but all are said to be up")
	}
}
