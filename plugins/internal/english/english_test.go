package english_test

import (
	"testing"

	_ "k8s.io/kubectl/pkg/cmd/get"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/english"
)

func TestTranslationsAreKeptFromLoadingInTime(t *testing.T) {
	if err := english.Late(); err != nil {
		t.Error(err)
	}
}
