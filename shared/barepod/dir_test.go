package barepod

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestEachClusterHasADirectory(t *testing.T) {
	dirs := map[string][]string{}
	for _, host := range []string{"https://a.example.com:6443", "https://A.example.com:6443/", "https://b.example.com:6443"} {
		dir, err := Dir(host)
		if err != nil {
			t.Fatal(err)
		}
		dirs[dir] = append(dirs[dir], host)
		if !strings.HasSuffix(filepath.Dir(dir), filepath.Join("kubectl-mesh", "bare-pods")) {
			t.Errorf("%s is in %s", host, dir)
		}
	}
	if len(dirs) != 2 {
		t.Errorf("got %v", dirs)
	}
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	if dir, err := Dir("https://a"); err == nil {
		t.Errorf("got %s without a home", dir)
	}
}
