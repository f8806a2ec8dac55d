package progress

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// sentence returns an event in words, without a time, so that two runs can be compared.
func sentence(e restart.Event, p palette) string {
	switch e.Kind {
	case restart.RunBegan:
		return "run began: " + restarttext.Count(e.Total, "workload")
	case restart.WaveBegan:
		return fmt.Sprintf("wave %d began", e.Wave)
	case restart.WorkloadBegan:
		return began(e.Item)
	case restart.WorkloadChanged:
		return about(e.Item) + "waiting: " + printing.Escape(e.Progress.Stuck)
	case restart.WorkloadEnded:
		return ended(e.Result, p)
	case restart.Waiting:
		return about(e.Item) + waiting(e) + printing.Escape(e.Text)
	case restart.Stopping:
		return about(e.Item) + p.yellow("stopping") + ": " + printing.Escape(e.Text) + awaited(e)
	case restart.Warned:
		return about(e.Item) + p.yellow("warning") + ": " + printing.Escape(e.Text)
	default:
		return ""
	}
}

// about returns how a sentence about a workload begins, nothing for one about the run.
func about(item *v1alpha1.RestartItem) string {
	if item == nil {
		return ""
	}
	return restarttext.Name(item) + ": "
}

func began(item *v1alpha1.RestartItem) string {
	var what string
	switch item.Action {
	case v1alpha1.Await:
		what = "await " + restarttext.Move(item)
	case v1alpha1.PutBack:
		what = "put back its replicas"
	default:
		what = verb(item.Method) + " " + restarttext.Move(item)
	}
	return fmt.Sprintf("%s%s, %s (wave %d)", about(item), what, restarttext.Count(item.Pods, "pod"), item.Wave)
}

func verb(method v1alpha1.Method) string {
	switch method {
	case v1alpha1.ByEviction:
		return "evict"
	case v1alpha1.ByGracePeriod:
		return "restart by grace period"
	case v1alpha1.ByRecreation:
		return "recreate"
	default:
		return "restart"
	}
}

// ended says how long it took where something was begun, and how many pods came new where any did.
func ended(r *v1alpha1.RestartResult, p palette) string {
	text := about(&r.RestartItem) + p.outcome(r.Outcome)
	if r.StartedAt != nil {
		preposition := "after"
		if r.Outcome == v1alpha1.Restarted || r.Outcome == v1alpha1.Awaited {
			preposition = "in"
		}
		text += " " + preposition + " " + restarttext.Seconds(r.Seconds)
	}
	if r.Replaced > 0 {
		text += ", " + restarttext.Count(r.Replaced, "pod")
	}
	if r.Message != "" {
		text += ": " + printing.Escape(r.Message)
	}
	return text
}

// awaited says what goes on when no more is begun and, to whom has pressed Ctrl-C, how not to wait for it.
func awaited(e restart.Event) string {
	if e.Total == 0 {
		return ""
	}
	text := "; awaited: " + restarttext.Count(e.Total, "workload")
	if e.Text == restart.ByInterrupt {
		text += " (Ctrl-C once more ends at once)"
	}
	return text
}

func waiting(e restart.Event) string {
	if e.Until.After(e.Time) {
		return "waiting " + restarttext.Duration(e.Until.Sub(e.Time)) + ": "
	}
	return "waiting: "
}
