package proxyver

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// Answers of the injector.
var (
	oldOnes   = dryrun.Answer{Injected: true, Image: repository + "1.22.0", Revision: "1-22"}
	newOnes   = dryrun.Answer{Injected: true, Image: repository + "1.23.0", Revision: "1-23"}
	quotaFull = refusing(dryrun.Quota, "", "exceeded quota: none", `pods "app-7x" is forbidden: exceeded quota: none`)
	istioDown = refusing(dryrun.WebhookFailed, "sidecar-injector.istio.io", "refused", `failed calling webhook "sidecar-injector.istio.io": refused`)
)

func refusing(class dryrun.Class, webhook, cause, message string) dryrun.Answer {
	return dryrun.Answer{Refusal: &dryrun.Refusal{Class: class, Webhook: webhook, Cause: cause, Err: errors.New(message)}}
}

// inTemplate is a prediction of a proxy that no injection brings.
func inTemplate(tag string) func(*scan.Item) {
	return func(i *scan.Item) { i.Verdict.Expected = v1alpha1.Expected{Image: repository + tag, Revision: "1-22"} }
}

func TestAPredictionIsComparedWithTheAnswer(t *testing.T) {
	injected := v1alpha1.Verified{Injected: true, Image: repository + "1.22.0", Version: "1.22.0", Revision: "1-22"}
	yes, no := true, false
	unpredicted := injected
	injected.Agrees = &no
	agreed := injected
	agreed.Agrees = &yes
	own := dryrun.Answer{Image: repository + "1.22.0"}
	for _, c := range []struct {
		rule   string
		item   scan.Item
		answer dryrun.Answer
		want   v1alpha1.Verified
		word   string
	}{
		{"the same", item("shop/a", "", v1alpha1.Missing, wants("1-22", "1.22.0")), oldOnes, agreed, "yes"},
		{"what runs does not matter", item("shop/a", "", v1alpha1.Outdated, runs("1-21", "1.21.0"), wants("1-22", "1.22.0")), oldOnes, agreed, "yes"},
		{"another image", item("shop/a", "", v1alpha1.Current, wants("1-22", "1.22.1")), oldOnes, injected, "no"},
		{"another revision", item("shop/a", "", v1alpha1.Current, wants("1-23", "1.22.0")), oldOnes, injected, "no"},
		{"none foreseen", item("shop/a", "", v1alpha1.None), oldOnes, injected, "no"},
		{"none foreseen, and none", item("shop/a", "", v1alpha1.None), dryrun.Answer{}, v1alpha1.Verified{Agrees: &yes}, "yes"},
		{"one foreseen, and none", item("shop/a", "", v1alpha1.Missing, wants("1-22", "1.22.0")), dryrun.Answer{}, v1alpha1.Verified{Agrees: &no}, "no"},
		{"a template without a proxy", item("shop/a", "", v1alpha1.None, func(i *scan.Item) { i.Verdict.Expected.Injected = true }),
			dryrun.Answer{Injected: true}, v1alpha1.Verified{Agrees: &yes, Injected: true}, "yes"},
		{"a proxy of its own template, of whatever revision", item("shop/a", "", v1alpha1.Current, inTemplate("1.22.0")), own,
			v1alpha1.Verified{Agrees: &yes, Image: own.Image, Version: "1.22.0"}, "yes"},
		{"a proxy of its own template that is injected all the same", item("shop/a", "", v1alpha1.Current, inTemplate("1.22.0")), oldOnes, injected, "no"},
		{"an image without a version", item("shop/a", "", v1alpha1.Missing, wants("1-22", "1.22.0")), dryrun.Answer{Injected: true, Image: "NO:reference:", Revision: "1-22"},
			v1alpha1.Verified{Agrees: &no, Injected: true, Image: "NO:reference:", Revision: "1-22"}, "no"},
		{"no prediction", item("shop/a", "", v1alpha1.Unknown), oldOnes, unpredicted, "unknown"},
		{"refused by a quota, whose message names a pod that is made up", item("shop/a", "", v1alpha1.Current, wants("1-22", "1.22.0")), quotaFull,
			v1alpha1.Verified{Refused: "exceeded quota: none"}, "refused"},
		{"refused by a webhook", item("shop/a", "", v1alpha1.None), istioDown,
			v1alpha1.Verified{Refused: `failed calling webhook "sidecar-injector.istio.io": refused`}, "refused"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			c.item.Verified = verified(c.item, c.answer)
			if !reflect.DeepEqual(*c.item.Verified, c.want) || verifiedWord(c.item) != c.word {
				t.Errorf("%+v, want %+v; in the table %q, want %q", *c.item.Verified, c.want, verifiedWord(c.item), c.word)
			}
			if hidden := !shows(c.item, false); hidden != (c.item.Verdict.Status == v1alpha1.None && c.word != "no") {
				t.Errorf("hidden: %v", hidden)
			}
		})
	}
	if word := verifiedWord(item("shop/a", "", v1alpha1.Current)); word != "" {
		t.Errorf("without --verify: %q", word)
	}
}

func TestWhatIsNotShownIsNotAskedAbout(t *testing.T) {
	ended := func(i *scan.Item) { i.Pod.Phase = "Succeeded" }
	mine := func(i scan.Item) bool { return i.Verdict.Owner.Namespace == "istio-system" }
	for _, c := range []struct {
		rule string
		item scan.Item
		all  bool
		want bool
	}{
		{"a pod of the mesh", item("shop/a", "", v1alpha1.Current, decidedBy("istio-system", "1-22")), false, true},
		{"a pod that has ended", item("shop/a", "", v1alpha1.Current, decidedBy("istio-system", "1-22"), ended), false, false},
		{"a pod that has ended, with --all", item("shop/a", "", v1alpha1.Current, decidedBy("istio-system", "1-22"), ended), true, true},
		{"a pod of another mesh", item("shop/a", "", v1alpha1.Current, decidedBy("other", "1-22")), true, false},
		{"a pod that nobody is to inject", item("shop/a", "", v1alpha1.None), false, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o, _ := options()
			o.All = c.all
			if got := o.verifies(c.item, mine); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// verifying takes in items with the answers for their workloads, and predictions for what was asked, where it is not what
// the first pod is.
func verifying(answers map[string]dryrun.Answer, asked map[string]scan.Item, items ...scan.Item) *verification {
	v := newVerification()
	for _, i := range items {
		v.add(i)
	}
	for _, i := range slices.Backward(v.items) {
		w := workloadOf(i)
		name := w.Namespace + "/" + w.Ref.Name
		if other, ok := asked[name]; ok {
			i = other
		}
		v.answers[w] = answers[name]
		i.Verified = verified(i, answers[name])
		v.asked[w] = i
	}
	v.compare()
	return v
}
