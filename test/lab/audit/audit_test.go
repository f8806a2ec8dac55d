package audit

import (
	"os"
	"path/filepath"
	"testing"
)

const one = `{"verb":"list","user":{"username":"lab-admin"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}` + "\n"

func TestALineThatIsBeingWrittenIsLeftForTheNextRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(one + one[:20])
	events, next, err := Read(path, 0)
	if err != nil || len(events) != 1 || next != int64(len(one)) {
		t.Fatalf("got %d events, offset %d, %v", len(events), next, err)
	}
	if e := events[0]; e.Verb != "list" || e.ObjectRef.Resource != "pods" || e.User.Username != "lab-admin" {
		t.Errorf("event: %+v", e)
	}
	write(one + one)
	if events, _, err = Read(path, next); err != nil || len(events) != 1 {
		t.Errorf("went on with %d events, %v", len(events), err)
	}
}

func TestALogThatIsNoneIsAnError(t *testing.T) {
	if _, _, err := Read(filepath.Join(t.TempDir(), "none"), 0); err == nil {
		t.Error("no error")
	}
}
