package tag

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func TestARecordCanBeKept(t *testing.T) {
	before := world(unrevisioned).Record(istio, Default)
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Record
	if err := json.Unmarshal(text, &after); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("got  %+v\nwant %+v, %v", after, before, err)
	}
	if before.Validator.Revision != "default" || before.Validator.Tagged || len(before.Selectors) != 4 {
		t.Errorf("got %+v", before)
	}
}

func TestWhatIsWrittenIsWhatIsThereAfterwards(t *testing.T) {
	for _, c := range plans[:19] {
		t.Run(c.rule, func(t *testing.T) {
			w := c.wish(c.world)
			was := c.world.Record(istio, w.Name)
			writes, err := Plan(c.world, w)
			if err != nil {
				t.Fatal(err)
			}
			got, want := w.Record(was), done(c.world, writes).Record(istio, w.Name)
			if got.Webhook != want.Webhook || got.Service != want.Service || !reflect.DeepEqual(got.Validator, want.Validator) {
				t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Validator, want, want.Validator)
			}
		})
	}
}

// TestEveryChangeCanBeUndone restores each tag from every point of a change, and of its own undoing.
func TestEveryChangeCanBeUndone(t *testing.T) {
	for _, c := range plans {
		t.Run(c.rule, func(t *testing.T) {
			w := c.wish(c.world)
			was := c.world.Record(istio, w.Name)
			if was.Webhook != "" && was.Service != "" && was.Webhook != was.Service || w.Injector == On && deactivated(c.world.injector(istio)) {
				t.Skip("what was there is not a state to put back")
			}
			wrote := w.Record(was)
			writes, err := Plan(c.world, w)
			if err != nil {
				t.Fatal(err)
			}
			for k := range len(writes) + 1 {
				half := done(c.world, writes[:k])
				for undone := 0; ; undone++ {
					back, kept := Restore(half, was, wrote)
					rest, err := Plan(half, back)
					if err != nil || len(kept) > 0 {
						t.Fatalf("after %d and %d back: %q, %v", k, undone, kept, err)
					}
					if len(rest) == 0 {
						break
					}
					half = done(half, rest[:1])
				}
				got := half.Record(istio, w.Name)
				if got.Webhook != was.Webhook || got.Service != was.Service || !reflect.DeepEqual(got.Validator, was.Validator) ||
					!reflect.DeepEqual(got.Selectors, was.Selectors) {
					t.Errorf("after %d: got  %+v %+v\nwant %+v %+v", k, got, got.Validator, was, was.Validator)
				}
			}
		})
	}
}

func TestWhatSomebodyElseChangedStays(t *testing.T) {
	was, wrote := record("prod", "1-22", "1-22"), record("prod", "1-23", "1-23")
	before := world(unrevisioned)
	wasDefault := before.Record(istio, Default)
	wroteDefault := Set(before, istio, Default, "1-23").Record(wasDefault)
	selecting := func(o *Objects) {
		c := o.webhook("istio-sidecar-injector")
		c.Webhooks[0].NamespaceSelector = withoutRevision()
	}
	for _, c := range []struct {
		rule       string
		o          *Objects
		was, wrote Record
		kept       []string
		plan       string
	}{
		{"the tag", world(withTag("prod", "1-24"), func(o *Objects) { o.Webhooks = append(o.Webhooks, own("1-24")) }), was, wrote,
			[]string{"tag prod stands for 1-24, which is not what was written (stands for 1-23): it stays"}, ""},
		{"half of the tag", world(withWebhook("prod", "1-23"), withService("prod", "1-24")), was, wrote,
			[]string{"tag prod stands for 1-23 by its webhook configuration and for 1-24 by its Service, which is not what was written (stands for 1-23): it stays"}, ""},
		{"that it was there", world(), was, wrote, []string{"tag prod does not exist, which is not what was written (stands for 1-23): it stays"}, ""},
		{"the validator", world(unrevisioned, withTag(Default, "1-23"), switchedOff(true), func(o *Objects) { validator(o, "1-22", true) }), wasDefault, wroteDefault,
			[]string{"validatingwebhookconfiguration istiod-default-validator belongs to 1-22, which is not what was written (1-23): it stays"},
			"update istio-sidecar-injector, delete istiod-revision-tag-default, see default, delete istio-revision-tag-default"},
		{"the injector without a revision", world(unrevisioned, withTag(Default, "1-23"), selecting), wasDefault, wroteDefault,
			[]string{"mutatingwebhookconfiguration istio-sidecar-injector selects what neither was recorded nor written: it stays"},
			"update istiod-default-validator, delete istiod-revision-tag-default, delete istio-revision-tag-default"},
		{"two claimants are not made again", world(withTag("prod", "1-23")), record("prod", "1-22", "1-23"), wrote,
			[]string{"tag prod had two claimants, 1-22 and 1-23: only the webhook configuration is put back"},
			"delete istiod-revision-tag-prod, update istio-revision-tag-prod"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w, kept := Restore(c.o, c.was, c.wrote)
			writes, err := Plan(c.o, w)
			if !slices.Equal(kept, c.kept) || told(writes) != c.plan || err != nil {
				t.Errorf("kept %q\nwant %q\nplan %s\nwant %s, %v", kept, c.kept, told(writes), c.plan, err)
			}
		})
	}
}
