package upgraderun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

var errKilled = errors.New("killed")

// hands work on a cluster in memory. The process is killed at the call of a number, before it is done or after.
type hands struct {
	tags       map[string]string
	namespaces map[string]map[string]string
	pods       map[string]string
	replicas   int
	record     []byte

	calls, killAt int
	after         bool
	did           []string
}

func (h *hands) call(what string, do func()) error {
	h.calls++
	if h.calls == h.killAt && !h.after {
		return errKilled
	}
	do()
	h.did = append(h.did, what)
	if h.calls == h.killAt {
		return errKilled
	}
	return nil
}

func (h *hands) Look(context.Context) (upgrade.Seen, error) {
	s := upgrade.Seen{Tags: map[string]upgrade.Tag{}, Namespaces: map[string]upgrade.Namespace{}}
	for name, r := range h.tags {
		s.Tags[name] = upgrade.Tag{Revision: r}
	}
	for name, labels := range h.namespaces {
		s.Namespaces[name] = upgrade.Namespace{UID: name, Labels: maps.Clone(labels)}
	}
	return s, nil
}

func (h *hands) SetTag(_ context.Context, name, revision string) error {
	return h.call("tag "+name+" "+revision, func() { h.tags[name] = revision })
}

func (h *hands) RemoveTag(_ context.Context, name, _ string) error {
	return h.call("untag "+name, func() { delete(h.tags, name) })
}

func (h *hands) Label(_ context.Context, name string, _ upgrade.Namespace, labels map[string]string) error {
	return h.call("label "+name+" "+labels[upgrade.Rev], func() { h.namespaces[name] = maps.Clone(labels) })
}

func (h *hands) Restart(_ context.Context, s upgrade.Step) error {
	return h.call("restart "+strings.Join(s.Namespaces, ",")+s.Away, func() {
		for name, labels := range h.namespaces {
			f, _ := upgrade.FollowedBy(labels, h.tags, func(string) bool { return true })
			if (len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, name)) && (s.Away == "" || h.pods[name] == s.Away) {
				h.pods[name] = f.Revision
			}
		}
	})
}

func (h *hands) PutBack(ctx context.Context, u *v1alpha1.CanaryUpgrade, r Recorder) (kept []upgrade.Kept, err error) {
	back := u.Replicas[0]
	if h.replicas != int(back.Before) && h.replicas != int(back.Wrote) {
		kept = []upgrade.Kept{{Object: "Deployment istiod", Is: "at 5 replicas", Would: "at 1"}}
	} else if err := h.call("put back", func() { h.replicas = int(back.Before) }); err != nil {
		return nil, err
	}
	u.Replicas = nil
	return kept, r.Save(ctx, u)
}

func (h *hands) Save(_ context.Context, u *v1alpha1.CanaryUpgrade) (err error) {
	return h.call("save "+string(u.Phase), func() { h.record, err = upgradestore.Encode(u) })
}

// load is what another process finds.
func (h *hands) load(t *testing.T) *v1alpha1.CanaryUpgrade {
	t.Helper()
	u, err := upgradestore.Decode(h.record)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// to goes on from what is recorded.
func (h *hands) to(t *testing.T, goal upgrade.Goal) error {
	t.Helper()
	r := Run{Hands: h, Recorder: h, Began: func(upgrade.Step) {}}
	return r.To(t.Context(), h.load(t), goal)
}

// cluster is a mesh whose namespaces follow a tag and a revision, in which an upgrade is recorded that nothing was done for.
func cluster(t *testing.T) *hands {
	t.Helper()
	rev := func(r string) map[string]string { return map[string]string{upgrade.Rev: r} }
	h := &hands{tags: map[string]string{"prod-stable": "1-22"}, pods: map[string]string{"shop": "1-22", "bank": "1-22"},
		namespaces: map[string]map[string]string{"shop": rev("prod-stable"), "bank": rev("1-22")}, replicas: 2}
	u := &v1alpha1.CanaryUpgrade{Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", IstioNamespace: "istio-system", StableTag: "prod-stable", CanaryTag: "prod-canary",
		Tags: []v1alpha1.UpgradeTag{{Name: "prod-stable", Before: "1-22"}, {Name: "prod-canary"}},
		Namespaces: []v1alpha1.UpgradeNamespace{
			{Name: "shop", UID: "shop", Form: v1alpha1.ByTag, Before: rev("prod-stable")},
			{Name: "bank", UID: "bank", Form: v1alpha1.ByRevision, Before: rev("1-22")},
		},
		Replicas: []v1alpha1.UpgradeReplicas{{Kind: "Deployment", Namespace: "istio-system", Name: "istiod", Before: 1, Wrote: 2}}}
	u.Kind, u.APIVersion = v1alpha1.CanaryUpgradeKind, v1alpha1.APIVersion
	var err error
	if h.record, err = upgradestore.Encode(u); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheOrderOfThings(t *testing.T) {
	h := cluster(t)
	for _, goal := range []upgrade.Goal{upgrade.Advance, upgrade.Complete, upgrade.Rollback} {
		if err := h.to(t, goal); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"save started", "tag prod-canary 1-23", "save started", "label bank prod-canary", "label shop prod-canary", "restart bank,shop", "save started",
	}
	want[5] = "restart shop,bank"
	want = append(want, "save completing", "save completing", "tag prod-stable 1-23", "save completing", "label bank 1-23", "label shop prod-stable",
		"restart 1-22", "save completing", "untag prod-canary", "put back", "save completing", "save completed",
		"save rolling-back", "tag prod-stable 1-22", "label bank 1-22", "restart 1-23", "save rolling-back", "save rolled-back")
	if !slices.Equal(h.did, want) {
		t.Errorf("did\n%s\nwant\n%s", strings.Join(h.did, "\n"), strings.Join(want, "\n"))
	}
}

// TestKilledAtEveryCall kills the run at every change, before it and after; the same command then finishes, or a rollback restores.
func TestKilledAtEveryCall(t *testing.T) {
	through := func(h *hands) error {
		for _, goal := range []upgrade.Goal{upgrade.Advance, upgrade.Complete} {
			if err := h.to(t, goal); err != nil {
				return err
			}
		}
		return nil
	}
	finished := cluster(t)
	if err := through(finished); err != nil {
		t.Fatal(err)
	}
	for k := 1; k <= finished.calls; k++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("call %d, after: %t", k, after)
			h := cluster(t)
			h.killAt, h.after = k, after
			if err := through(h); !errors.Is(err, errKilled) {
				t.Fatalf("%s: %v", name, err)
			}
			back := &hands{maps.Clone(h.tags), maps.Clone(h.namespaces), maps.Clone(h.pods), h.replicas, h.record, 0, 0, false, nil}
			if err := through(h); err != nil || !reflect.DeepEqual(h.tags, finished.tags) || !reflect.DeepEqual(h.namespaces, finished.namespaces) || !reflect.DeepEqual(h.pods, finished.pods) || h.replicas != 1 {
				t.Errorf("%s: gone on, %v: %v %v %v", name, err, h.tags, h.namespaces, h.pods)
			}
			was := cluster(t)
			if err := back.to(t, upgrade.Rollback); err != nil || !reflect.DeepEqual(back.tags, was.tags) || !reflect.DeepEqual(back.namespaces, was.namespaces) || !reflect.DeepEqual(back.pods, was.pods) || back.replicas != 1 {
				t.Errorf("%s: rolled back, %v: %v %v %v", name, err, back.tags, back.namespaces, back.pods)
			}
		}
	}
}

func TestWhatSomebodyElseHasChanged(t *testing.T) {
	h := cluster(t)
	if err := h.to(t, upgrade.Advance); err != nil {
		t.Fatal(err)
	}
	h.tags["prod-stable"], h.namespaces["shop"] = "1-21", map[string]string{upgrade.Injection: "disabled"}
	const tag = "tag prod-stable was changed by somebody else: it is revision 1-21 and would be revision "
	const shop = "namespace shop was changed by somebody else: it is istio-injection=disabled and would be istio.io/rev=prod-stable; it is left as it is"
	h.did = nil
	if err := h.to(t, upgrade.Complete); err == nil || err.Error() != tag+"1-23; it is left as it is;\n"+shop || len(h.did) > 0 {
		t.Errorf("%v, %v", err, h.did)
	}
	if err := h.to(t, upgrade.Rollback); err == nil || err.Error() != tag+"1-22; it is left as it is;\n"+shop {
		t.Errorf("got %v", err)
	}
	if h.namespaces["bank"][upgrade.Rev] != "1-22" || h.pods["bank"] != "1-22" || h.tags["prod-stable"] != "1-21" || h.load(t).Phase != v1alpha1.PhaseRolledBack {
		t.Errorf("%v %v", h.namespaces, h.load(t))
	}
}

// TestGoingBackFailsAndSaysWhatOthersHaveChanged: that may be why.
func TestGoingBackFailsAndSaysWhatOthersHaveChanged(t *testing.T) {
	h := cluster(t)
	if err := h.to(t, upgrade.Advance); err != nil {
		t.Fatal(err)
	}
	h.namespaces["bank"] = nil
	err := (&Run{Hands: leaves{h}, Recorder: h, Began: func(upgrade.Step) {}}).To(t.Context(), h.load(t), upgrade.Rollback)
	const want = "namespace bank was changed by somebody else: it is no label and would be istio.io/rev=1-22; it is left as it is;\nnot every pod runs revision 1-23"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestReplicasThatSomebodyElseHasChanged are told at the end, and keep nothing from being completed.
func TestReplicasThatSomebodyElseHasChanged(t *testing.T) {
	h := cluster(t)
	if err := h.to(t, upgrade.Advance); err != nil {
		t.Fatal(err)
	}
	h.replicas = 5
	var kept *KeptError
	if err := h.to(t, upgrade.Complete); !errors.As(err, &kept) || kept.Kept[0].Object != "Deployment istiod" {
		t.Errorf("got %v", err)
	}
	if u := h.load(t); u.Phase != v1alpha1.PhaseCompleted || len(u.Replicas) > 0 || h.replicas != 5 {
		t.Errorf("%s, %v, %d", u.Phase, u.Replicas, h.replicas)
	}
}

// TestLabelsThatArePutBackEachTime: a fight with a controller has an end.
func TestLabelsThatArePutBackEachTime(t *testing.T) {
	h := cluster(t)
	var put *PutBackError
	err := (&Run{Hands: putsBack{h}, Recorder: h, Began: func(upgrade.Step) {}}).To(t.Context(), h.load(t), upgrade.Advance)
	if !errors.As(err, &put) || put.Namespace != "bank" || put.Labels[upgrade.Rev] != "prod-canary" {
		t.Errorf("got %v", err)
	}
}

// putsBack is a cluster in which somebody puts the labels of a namespace back.
type putsBack struct{ *hands }

func (h putsBack) Label(ctx context.Context, name string, was upgrade.Namespace, labels map[string]string) error {
	if name == "bank" {
		return nil
	}
	return h.hands.Label(ctx, name, was, labels)
}

// TestATagThatNeverBecomesWhatItShould ends the run, and not the machine's patience.
func TestATagThatNeverBecomesWhatItShould(t *testing.T) {
	h := cluster(t)
	err := (&Run{Hands: deaf{h}, Recorder: h, Began: func(upgrade.Step) {}}).To(t.Context(), h.load(t), upgrade.Advance)
	if err == nil || !strings.Contains(err.Error(), "tag prod-canary does not become what it should be") {
		t.Errorf("got %v", err)
	}
}

// deaf is a cluster that takes writes of tags and forgets them.
type deaf struct{ *hands }

func (h deaf) SetTag(context.Context, string, string) error { return nil }

// TestANamespaceThatIsLeftBehind does not count as moved; the others do.
func TestANamespaceThatIsLeftBehind(t *testing.T) {
	h := cluster(t)
	err := (&Run{Hands: leaves{h}, Recorder: h, Began: func(upgrade.Step) {}}).To(t.Context(), h.load(t), upgrade.Advance)
	if err == nil || err.Error() != "not every pod runs revision 1-23" {
		t.Errorf("got %v", err)
	}
	for _, n := range h.load(t).Namespaces {
		if n.Moved != (n.Name == "shop") {
			t.Errorf("%s: moved %t", n.Name, n.Moved)
		}
	}
}

// leaves is a cluster in which a workload of bank cannot be restarted.
type leaves struct{ *hands }

func (h leaves) Restart(ctx context.Context, s upgrade.Step) error {
	if err := h.hands.Restart(ctx, s); err != nil {
		return err
	}
	return &BehindError{Namespaces: []string{"bank"}, Text: "not every pod runs revision 1-23"}
}

// TestLabelsThatArePutBackDuringARestart: a namespace does not count as moved then.
func TestLabelsThatArePutBackDuringARestart(t *testing.T) {
	h := cluster(t)
	if err := (&Run{Hands: reverts{h}, Recorder: h, Began: func(upgrade.Step) {}}).To(t.Context(), h.load(t), upgrade.Advance); err == nil {
		t.Error("it claims to be done")
	}
	for _, n := range h.load(t).Namespaces {
		if n.Moved != (n.Name == "shop") {
			t.Errorf("%s: moved %t", n.Name, n.Moved)
		}
	}
}

// reverts is a cluster in which somebody puts the label of bank back while pods are restarted.
type reverts struct{ *hands }

func (h reverts) Restart(ctx context.Context, s upgrade.Step) error {
	err := h.hands.Restart(ctx, s)
	h.namespaces["bank"] = map[string]string{upgrade.Rev: "1-22"}
	return err
}
