package argo

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMaxUnavailableSaysHowManyPodsRestartAtOnce(t *testing.T) {
	for strategy, want := range map[string]int32{
		`{"canary":{}}`:                           1,
		`{"blueGreen":{}}`:                        1,
		`{"canary":{"maxUnavailable":0}}`:         1,
		`{"canary":{"maxUnavailable":3}}`:         3,
		`{"canary":{"maxUnavailable":"25%"}}`:     2,
		`{"canary":{"maxUnavailable":"25"}}`:      1,
		`{"blueGreen":{"maxUnavailable":"100%"}}`: 8,
		`{"canary":{"maxUnavailable":20}}`:        8,
	} {
		var r rollout
		if err := json.Unmarshal([]byte(`{"spec":{"replicas":8,"strategy":`+strategy+`}}`), &r); err != nil {
			t.Fatal(err)
		}
		if got := r.atOnce(); got != want {
			t.Errorf("%s: %d at once, want %d", strategy, got, want)
		}
	}
}

func TestAPodIsAvailableOnceReadyForLongEnoughAndWhileItStays(t *testing.T) {
	ready := func(status corev1.ConditionStatus, since time.Duration) corev1.Pod {
		return corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(time.Now().Add(-since)),
		}}}}
	}
	leaving, now := ready(corev1.ConditionTrue, time.Minute), metav1.Now()
	leaving.DeletionTimestamp = &now
	pods := []corev1.Pod{ready(corev1.ConditionTrue, time.Minute), ready(corev1.ConditionTrue, time.Second), ready(corev1.ConditionFalse, time.Hour), leaving}
	if got := available(pods, 0); got != 2 {
		t.Errorf("%d available, want 2", got)
	}
	if got := available(pods, 30); got != 1 {
		t.Errorf("%d available after 30 seconds, want 1", got)
	}
}
