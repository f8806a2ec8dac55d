package proxyver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

func TestCustomColumnsAreAnItems(t *testing.T) {
	file := filepath.Join(t.TempDir(), "columns")
	if err := os.WriteFile(file, []byte("POD   NATIVE\n.pod  .proxy.native\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, format string
		noHeaders    bool
		items        []scan.Item
		want         string
	}{
		{"with headers", "custom-columns=POD:.pod,VERSION:.proxy.version", false, someItems()[1:4],
			"POD      VERSION\ncart-1   1.9.0\ndb-0     1.23.0\nlost     <none>\n"},
		{"without", "custom-columns=POD:.pod,STATUS:.status", true, someItems()[:1], "cart-2   current\n"},
		{"of a file", "custom-columns-file=" + file, false, someItems()[2:3], "POD    NATIVE\ndb-0   true\n"},
		{"of no pods", "custom-columns=POD:.pod", false, nil, "POD\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, _ := options()
			o.Output, o.NoHeaders = c.format, c.noHeaders
			if got := printed(t, o, c.items); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCustomColumnsOfAHostileClusterAreEscaped(t *testing.T) {
	o, _ := options()
	o.Output = "custom-columns=R:.proxy.revision"
	if got := printed(t, o, []scan.Item{item("a/b", "", "current", runs("\x1b[31m", "1"))}); strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

func TestCustomColumnsThatCannotBeRead(t *testing.T) {
	for _, format := range []string{"custom-columns=", "custom-columns=POD", "custom-columns-file=/nowhere", "custom-columns"} {
		o, _ := options()
		o.Output = format
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "--output \""+format) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
