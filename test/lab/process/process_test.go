package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperVar makes this test binary play a parent: it starts a child, writes its pid to the named file, and waits.
const helperVar = "LAB_PROCESS_TEST_PARENT"

func TestMain(m *testing.M) {
	if file := os.Getenv(helperVar); file != "" {
		p, err := Start(shell(filepath.Dir(file), "sleep 600"))
		if err != nil {
			panic(err)
		}
		_ = os.WriteFile(file, []byte(strconv.Itoa(p.Pid())), 0o600)
		time.Sleep(10 * time.Minute)
	}
	os.Exit(m.Run())
}

func shell(dir, script string) Spec {
	return Spec{Name: "child", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(dir, "child.log")}
}

func TestAChildThatDiesIsNamedWithTheEndOfItsLog(t *testing.T) {
	p, err := Start(shell(t.TempDir(), "for i in $(seq 1 50); do echo line $i; done; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	got := p.Err()
	if got == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"child ended: exit status 3", "line 50", "line 31"} {
		if !strings.Contains(got.Error(), want) {
			t.Errorf("%q is not in: %v", want, got)
		}
	}
	if strings.Contains(got.Error(), "line 30\n") {
		t.Errorf("more than the end of the log: %v", got)
	}
}

func TestAStoppedChildIsNoError(t *testing.T) {
	p, err := Start(shell(t.TempDir(), "trap '' TERM; while :; do sleep 0.1; done"))
	if err != nil {
		t.Fatal(err)
	}
	p.Stop(100 * time.Millisecond)
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestAKilledParentTakesItsChildrenWithIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), helperVar+"="+file)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	eventually(t, "the child to start", func() bool {
		b, _ := os.ReadFile(file)
		child, _ = strconv.Atoi(string(b))
		return child > 0
	})
	_ = parent.Process.Kill()
	_ = parent.Wait()
	eventually(t, "the child to end", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) })
}

func TestAGroupReportsADeathAndCanRunItAgain(t *testing.T) {
	deaths := make(chan error, 2)
	g := NewGroup(func(err error) { deaths <- err })
	if _, err := g.Start(shell(t.TempDir(), "exit 1"), Detail{Port: 7}); err != nil {
		t.Fatal(err)
	}
	<-deaths
	if s := g.States()[0]; s.Port != 7 || !strings.Contains(s.Problem, "child ended") {
		t.Errorf("state: %+v", s)
	}
	if _, err := g.Restart("child"); err != nil {
		t.Error(err)
	}
	<-deaths
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
