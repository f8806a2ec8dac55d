package progress

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
)

// start is when the runs of the tests begin.
var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func item(namespace, name string, pods int) *v1alpha1.RestartItem {
	return &v1alpha1.RestartItem{
		Namespace: namespace, Workload: v1alpha1.Workload{Kind: "Deployment", Name: name},
		Action: v1alpha1.Restart, Method: v1alpha1.ByRestart, Wave: 1, Pods: pods,
		From: []v1alpha1.RunningProxy{{Version: "1.22.0", Revision: "1-22"}},
		To:   &v1alpha1.RunningProxy{Version: "1.23.0", Revision: "1-23"},
	}
}

func starts(i *v1alpha1.RestartItem) restart.Event {
	return restart.Event{Kind: restart.WorkloadBegan, Time: start, Item: i}
}

func changes(i *v1alpha1.RestartItem, done, total int, stuck string) restart.Event {
	return restart.Event{
		Kind: restart.WorkloadChanged, Time: start, Item: i,
		Progress: restart.Progress{Done: done, Total: total, Stuck: stuck},
	}
}

// ends is the end of what was begun, unless seconds are 0.
func ends(i *v1alpha1.RestartItem, o v1alpha1.Outcome, replaced int, seconds float64, message string) restart.Event {
	r := &v1alpha1.RestartResult{RestartItem: *i, Outcome: o, Replaced: replaced, Seconds: seconds, Message: message}
	if seconds > 0 {
		r.StartedAt = &metav1.Time{Time: start}
	}
	return restart.Event{Kind: restart.WorkloadEnded, Time: start, Item: i, Result: r}
}

const backOff = `pod cart-7d9f-x2k: ImagePullBackOff: Back-off pulling image "hub.example/cart:9"`

// hostile tries to clear the terminal, and to add a line of its own.
const hostile = "no\x1b[2J\nshop/deployment/web: restarted"

// story is a run in which everything happens.
func story() []restart.Event {
	cart, web, ledger := item("shop", "cart", 3), item("shop", "web", 1), item("payments", "ledger", 2)
	awaited, evicted, bare := item("shop", "orders", 2), item("shop", "agent", 4), item("shop", "debug", 1)
	awaited.Action, awaited.Wave, awaited.Workload.Kind = v1alpha1.Await, 2, "StatefulSet"
	evicted.Method, evicted.Workload.Kind = v1alpha1.ByEviction, "DaemonSet"
	bare.Method, bare.Workload.Kind = v1alpha1.ByRecreation, "Pod"
	surged := item("shop", "single", 1)
	surged.Action = v1alpha1.PutBack
	return []restart.Event{
		{Kind: restart.RunBegan, Time: start, Total: 8},
		{Kind: restart.WaveBegan, Time: start, Wave: 1},
		starts(cart), starts(web), starts(surged), starts(evicted), starts(bare),
		changes(cart, 0, 3, ""), changes(cart, 0, 3, backOff), changes(cart, 1, 3, backOff), changes(cart, 1, 3, ""),
		changes(cart, 1, 3, backOff), changes(web, 0, 1, hostile), changes(cart, 1, 3, "a budget allows nothing"),
		ends(web, v1alpha1.Restarted, 1, 12.44, ""),
		ends(surged, v1alpha1.ReplicasPutBack, 0, 1.5, ""),
		ends(evicted, v1alpha1.TimedOut, 2, 601, "2 of 4 pods are old"),
		ends(bare, v1alpha1.Gone, 0, 3, ""),
		{Kind: restart.Waiting, Time: start, Text: "a pause between namespaces", Until: start.Add(30 * time.Second)},
		{Kind: restart.Waiting, Time: start, Text: "the API server is busy"},
		{Kind: restart.WaveBegan, Time: start, Wave: 2},
		starts(awaited), ends(awaited, v1alpha1.Awaited, 2, 61, ""),
		{Kind: restart.Warned, Time: start, Item: cart, Text: "its HPA was changed meanwhile"},
		{Kind: restart.Warned, Time: start, Text: "the injector was gone for a while"},
		ends(cart, v1alpha1.Failed, 1, 3.1, backOff),
		{Kind: restart.Stopping, Time: start, Text: "1 workload failed"},
		ends(item("payments", "refused", 1), v1alpha1.Refused, 0, 0, hostile),
		ends(ledger, v1alpha1.NotStarted, 0, 0, ""),
		ends(item("payments", "left", 1), v1alpha1.Skipped, 0, 0, "it is paused"),
	}
}
