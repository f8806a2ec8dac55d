package preflight

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

func TestWhoseAProxyIs(t *testing.T) {
	from, namesake := revision.ControlPlane{Namespace: "istio-system", Revision: "1-22"}, revision.ControlPlane{Namespace: "istio-two", Revision: "1-22"}
	for _, c := range []struct {
		rule  string
		name  string
		would revision.ControlPlane
		want  bool
	}{
		{"of the revision, which would inject it again", "1-22", from, true},
		{"of the revision, which nobody would inject now", "1-22", revision.ControlPlane{}, true},
		{"of the revision, which another one would inject now", "1-22", revision.ControlPlane{Namespace: "istio-two", Revision: "1-23"}, true},
		{"of the revision, by its own template", "1-22", revision.ControlPlane{Revision: "1-22"}, true},
		{"of another mesh's revision of the same name", "1-22", namesake, false},
		{"of another revision", "1-23", from, false},
	} {
		if got := isOf(from, c.name, c.would); got != c.want {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
}
