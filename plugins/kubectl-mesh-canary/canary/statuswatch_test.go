package canary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
)

func TestAWatchReadsTheMoreSeldomTheLongerItTakes(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: 2 * time.Second, 100 * time.Millisecond: 2 * time.Second, time.Second: 20 * time.Second} {
		if got := wait(took); got != want {
			t.Errorf("after %s it waits %s, want %s", took, got, want)
		}
	}
}

func TestAWatchOutlivesAClusterThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		lost := errors.New("refused")
		answers := []error{nil, lost, lost, nil}
		start := time.Now()
		var shown []string
		err := follow(ctx, func(context.Context) (*moment, error) {
			err := answers[0]
			answers = answers[1:]
			return &moment{}, err
		}, nil, func(m *moment, lost error) error {
			shown = append(shown, fmt.Sprint(time.Since(start), " ", m != nil, " ", lost))
			if len(answers) == 0 {
				cancel()
			}
			return nil
		})
		want := []string{"0s true <nil>", "2s true refused", "4s true refused", "6s true <nil>"}
		if !errors.Is(err, context.Canceled) || !slices.Equal(shown, want) {
			t.Errorf("got %q, %v", shown, err)
		}
	})
}

func TestAClusterThatCannotBeReadAtFirstIsAnError(t *testing.T) {
	refused := errors.New("refused")
	err := follow(t.Context(), func(context.Context) (*moment, error) { return nil, refused }, nil, func(*moment, error) error { return errors.New("shown") })
	if err != refused {
		t.Errorf("got %v", err)
	}
}

// followed are pods that a test makes up.
func followed() *followedPods {
	listed := upgradehands.NewCounted()
	listed.Add(proxy.Pod{Namespace: "listed"})
	return newFollowedPods(&statusReader{pods: func(context.Context) (*upgradehands.Counted, error) { return listed, nil }})
}

func TestPodsAreCountedAsTheyChange(t *testing.T) {
	p := followed()
	pod := func(name string) *scan.Item {
		return &scan.Item{Pod: proxy.Pod{Namespace: "shop", Name: name, Ready: true}}
	}
	count := func() int {
		t.Helper()
		c, err := p.count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c.ByNamespace["shop"].Ready
	}
	_ = p.update(live.Update{Changes: []live.Change{{After: pod("a")}, {After: pod("b")}}})
	if got := count(); got != 2 {
		t.Errorf("got %d", got)
	}
	lost := errors.New("gone")
	_ = p.update(live.Update{Changes: []live.Change{{Before: pod("a")}, {Before: pod("b"), After: pod("b")}}, Lost: lost})
	if got := count(); got != 1 || p.lostOr(nil) != lost {
		t.Errorf("got %d, %v", got, p.lostOr(nil))
	}
	select {
	case <-p.changes():
	default:
		t.Error("nobody is told")
	}
}

func TestPodsThatMayNotBeWatchedAreListed(t *testing.T) {
	p := followed()
	p.end(apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("watch")))
	if c, err := p.count(t.Context()); err != nil || c.ByNamespace["listed"].All != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	broken := errors.New("broken")
	p = followed()
	p.end(broken)
	if _, err := p.count(t.Context()); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestOnATerminalTheStatusIsReplaced(t *testing.T) {
	var terminal, out, errOut bytes.Buffer
	o := &statusOptions{}
	o.Out, o.ErrOut = &out, &errOut
	v := &screenView{statusOptions: o, screen: screen.New(&terminal, func() (int, int) { return 80, 24 })}
	shows := func(m *moment, lost error, words ...string) {
		t.Helper()
		terminal.Reset()
		if err := v.show(m, lost); err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(terminal.String(), word) {
				t.Errorf("%q lacks %q", terminal.String(), word)
			}
		}
	}
	shows(&moment{namespace: "istio-system"}, nil, "No upgrade is recorded", "Next: kubectl mesh-canary revisions", "Last change ")
	shows(underWay(), nil, "namespaces moved: 3 of 8\x1b[K\r\nNext: kubectl mesh-canary advance bank ", "CONTROL PLANE", "lines that do not fit: ", ". Ctrl-C ends")
	shows(underWay(), errors.New("refused"), "CONTROL PLANE", "Connection lost at ", ", trying again; what is shown is from before: refused")
	if out.Len()+errOut.Len() > 0 {
		t.Errorf("beside the screen: %q, %q", &out, &errOut)
	}
	if err := v.close(); err != nil {
		t.Fatal(err)
	}
	if got := "stdout:\n" + out.String() + "stderr:\n" + errOut.String(); got != asPrinted(t, underWay(), "") {
		t.Errorf("left behind:\n%s", got)
	}
}
