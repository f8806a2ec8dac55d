package canary

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

func installed() *v1alpha1.RevisionReport {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	number := func(n int) *int { return &n }
	return v1alpha1.NewRevisionReport([]v1alpha1.InstalledRevision{
		{Revision: "1-22", Version: "1.22.0", Namespace: "istio-system", Ready: number(2), Replicas: number(2), CreatedAt: metav1.NewTime(noon), Tags: []string{"default", "prod"},
			Namespaces: number(3), Pods: number(40), ProxyImage: "docker.io/istio/proxyv2:1.22.0",
			Moves: []v1alpha1.RevisionMove{{To: "1-25", ToVersion: "1.25.0", Reason: "1.22.0 to 1.25.0 is three minor versions up; by revisions it may be two at most: go to 1.24 first"}}},
		{Revision: "1-25", Tags: []string{}, Moves: []v1alpha1.RevisionMove{{To: "1-22", ToVersion: "1.22.0", Reason: "one of the two versions is unknown"}}},
		{Revision: "1-24", Version: "1.24.0", Namespace: "istio-system", Namespaces: number(0), Pods: number(0), Ready: number(0), Replicas: number(1), CreatedAt: metav1.NewTime(noon.Add(time.Hour)), Tags: []string{},
			ProxyImage: "docker.io/istio/proxyv2:1.24.0", Moves: []v1alpha1.RevisionMove{{To: "1-25", ToVersion: "1.25.0", Allowed: true, Reason: "1.24.0 to 1.25.0 is one minor version up"}}},
	})
}

func TestWhatRevisionsPrints(t *testing.T) {
	for _, c := range []struct {
		file   string
		output string
		change func(*revisionsOptions)
	}{
		{"revisions.txt", "", func(*revisionsOptions) {}},
		{"revisions-no-headers.txt", "", func(o *revisionsOptions) { o.NoHeaders = true }},
		{"revisions-name.txt", "name", func(*revisionsOptions) {}},
		{"revisions.json", "json", func(*revisionsOptions) {}},
		{"revisions-columns.txt", "custom-columns=REVISION:.revision,TO:.moves[*].to", func(*revisionsOptions) {}},
		{"revisions-sorted.txt", "name", func(o *revisionsOptions) { o.SortBy = ".version" }},
	} {
		t.Run(c.file, func(t *testing.T) {
			streams, _, out, _ := genericiooptions.NewTestIOStreams()
			o := &revisionsOptions{question: newQuestion(streams), now: func() time.Time { return time.Date(2026, 1, 4, 14, 0, 0, 0, time.UTC) }}
			o.Output = c.output
			c.change(o)
			report := installed()
			if err := o.Complete(nil); err != nil {
				t.Fatal(err)
			}
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			if err := sorts(&o.question, report.Items); err != nil {
				t.Fatal(err)
			}
			if err := o.show(report); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, c.file, out.String())
		})
	}
}
