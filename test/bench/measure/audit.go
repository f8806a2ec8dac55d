package measure

import (
	"fmt"
	"os"
	"strings"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
)

// Sent returns what an API server with that audit log is asked while something is done, by programs whose names for
// themselves begin like that. The error is the log's, or what was done.
func Sent(auditLog, agent string, do func() error) ([]auditv1.Event, error) {
	log, err := os.Stat(auditLog)
	if err != nil {
		return nil, fmt.Errorf("finding the end of the audit log: %w", err)
	}
	if err := do(); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // the last line is written when the answer is already out
	all, _, err := audit.Read(auditLog, log.Size())
	if err != nil {
		return nil, err
	}
	var sent []auditv1.Event
	for _, e := range all {
		if strings.HasPrefix(e.UserAgent, agent) {
			sent = append(sent, e)
		}
	}
	if len(sent) == 0 {
		return nil, fmt.Errorf("the audit log shows no request of %s", agent)
	}
	return sent, nil
}
