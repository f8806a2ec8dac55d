package upgraderule

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

func TestWhichVersionMayFollowWhich(t *testing.T) {
	for _, c := range []struct {
		from, to string
		way      Way
		allowed  bool
		why      string
	}{
		{"1.22.0", "1.23.0", ByRevision, true, "1.22.0 to 1.23.0 is one minor version up"},
		{"1.22.0", "1.24.1", ByRevision, true, "1.22.0 to 1.24.1 is two minor versions up"},
		{"1.22.0", "1.25.0", ByRevision, false, "1.22.0 to 1.25.0 is three minor versions up; by revisions it may be two at most: go to 1.24 first"},
		{"1.22.0", "1.23.0", InPlace, true, "1.22.0 to 1.23.0 is one minor version up"},
		{"1.22.0", "1.24.0", InPlace, false, "1.22.0 to 1.24.0 is two minor versions up; in place it may be one at most: go to 1.23 first"},
		{"1.22.0", "1.24.0", OnAKS, false, "1.22.0 to 1.24.0 is two minor versions up; on AKS it may be one at most: go to 1.23 first"},
		{"1.23.0", "1.22.6", ByRevision, true, "1.23.0 to 1.22.6 is one minor version down"},
		{"1.24.0", "1.22.6", ByRevision, false, "1.24.0 to 1.22.6 is two minor versions down; it may be one at most: go to 1.23 first"},
		{"1.22.0", "1.22.0", ByRevision, true, "both are 1.22.0"},
		{"1.22.0", "1.22.3", InPlace, true, "1.22.0 to 1.22.3 goes up within the minor version"},
		{"1.22.3", "1.22.0", ByRevision, true, "1.22.3 to 1.22.0 goes down within the minor version"},
		{"1.22.0-distroless", "1.23.0-debug", ByRevision, true, "1.22.0 to 1.23.0 is one minor version up"},
		{"1.18.2-asm.2", "1.20.1-asm.1", ByRevision, true, "1.18.2-asm.2 to 1.20.1-asm.1 is two minor versions up"},
		{"1.18.2-asm.2", "1.18.2-asm.10", ByRevision, true, "1.18.2-asm.2 to 1.18.2-asm.10 goes up within the minor version"},
		{"1.23.0-rc.1", "1.23.0", ByRevision, true, "1.23.0-rc.1 to 1.23.0 goes up within the minor version"},
		{"1.22.0-tetrate-v0", "1.22.0", ByRevision, true, "1.22.0-tetrate-v0 to 1.22.0 stays within the minor version"},
		{"1.28.0", "2.0.0", ByRevision, false, "1.28.0 to 2.0.0 is another major version, of which no rule is known"},
		{"1.10.0", "1.28.0", ByRevision, false, "1.10.0 to 1.28.0 is 18 minor versions up; by revisions it may be two at most: go to 1.12 first"},
	} {
		t.Run(c.from+" to "+c.to+" "+c.way.String(), func(t *testing.T) {
			got := Judge(proxy.ParseVersion(c.from), proxy.ParseVersion(c.to), c.way)
			if got != (Verdict{Allowed: c.allowed, Why: c.why}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestHowFarOneMayGo(t *testing.T) {
	for _, c := range []struct {
		from string
		way  Way
		want string
	}{
		{"1.22.0", ByRevision, "1.21, 1.23 or 1.24"},
		{"1.22.0-distroless", OnAKS, "1.21 or 1.23"},
		{"1.0.0", InPlace, "1.1"},
		{"latest", ByRevision, ""},
		{"", ByRevision, ""},
	} {
		if got := Reach(proxy.ParseVersion(c.from), c.way); got != c.want {
			t.Errorf("%q %s: got %q, want %q", c.from, c.way, got, c.want)
		}
	}
}

func TestAnUnknownVersionIsSaidToBeUnknown(t *testing.T) {
	for _, c := range []struct{ from, to, why string }{
		{"", "1.22.0", "one of the two versions is unknown"},
		{"1.22.0", "", "one of the two versions is unknown"},
		{"latest", "1.22.0", `"latest" is no version that can be compared`},
		{"1.22.0", "20240101", `"20240101" is no version that can be compared`},
	} {
		if got := Judge(proxy.ParseVersion(c.from), proxy.ParseVersion(c.to), ByRevision); got != (Verdict{Unknown: true, Why: c.why}) {
			t.Errorf("%q to %q: got %+v", c.from, c.to, got)
		}
	}
}
