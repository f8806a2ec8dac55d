package tag

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// plans are what is wished of which worlds.
var plans = []struct {
	rule  string
	world *Objects
	wish  func(*Objects) Wish
	// writes are the verbs and names, in order.
	writes string
}{
	{"a tag is created", world(), set("prod", "1-22"), "create istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"one that is there", world(withTag("prod", "1-22")), set("prod", "1-22"), ""},
	{"a tag moves", world(withTag("prod", "1-22")), set("prod", "1-23"),
		"delete istiod-revision-tag-prod, update istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"a tag from before 1.28 moves", world(withWebhook("prod", "1-22")), set("prod", "1-23"), "update istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"a Service alone", world(withService("prod", "1-22")), set("prod", "1-23"),
		"delete istiod-revision-tag-prod, create istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"two that differ", world(withWebhook("prod", "1-22"), withService("prod", "1-23")), set("prod", "1-23"), "update istio-revision-tag-prod"},
	{"two that differ, the other way", world(withWebhook("prod", "1-23"), withService("prod", "1-22")), set("prod", "1-23"),
		"delete istiod-revision-tag-prod, create istiod-revision-tag-prod"},
	{"a tag is removed", world(withTag("prod", "1-22")), remove("prod"), "delete istiod-revision-tag-prod, delete istio-revision-tag-prod"},
	{"all of a tag is removed", world(withTag("prod", "1-22"), withSecondWebhook("prod", "1-22")), remove("prod"),
		"delete istiod-revision-tag-prod, delete istio-revision-tag-prod, delete second"},
	{"the default tag is created", world(), set("default", "1-22"),
		"create istio-revision-tag-default, create istiod-revision-tag-default, create istiod-default-validator"},
	{"the default tag moves", world(withTag("default", "1-22")), set("default", "1-23"),
		"delete istiod-revision-tag-default, update istio-revision-tag-default, create istiod-revision-tag-default, update istiod-default-validator"},
	{"one that injects everywhere moves", world(autoInjecting), set("default", "1-23"),
		"update istio-revision-tag-default, create istiod-revision-tag-default, create istiod-default-validator"},
	{"the default tag is removed", world(withTag("default", "1-22")), remove("default"),
		"delete istiod-default-validator, delete istiod-revision-tag-default, delete istio-revision-tag-default"},
	{"over an installation without a revision", world(unrevisioned), set("default", "1-23"),
		"create istio-revision-tag-default, create istiod-revision-tag-default, update istiod-default-validator, see 1-23, update istio-sidecar-injector"},
	{"where istioctl got no further than switching it off", world(unrevisioned, switchedOff(false)), set("default", "1-23"),
		"create istio-revision-tag-default, create istiod-revision-tag-default, update istiod-default-validator"},
	{"back to an installation without a revision", world(unrevisioned, withTag("default", "1-23"), switchedOff(true)), remove("default"),
		"update istio-sidecar-injector, update istiod-default-validator, delete istiod-revision-tag-default, see default, delete istio-revision-tag-default"},
	{"where istioctl switched it off", world(unrevisioned, withTag("default", "1-23"), switchedOff(false)), remove("default"),
		"delete istiod-default-validator, delete istiod-revision-tag-default, delete istio-revision-tag-default"},
	{"the default tag for the installation without a revision", world(unrevisioned), set("default", "default"),
		"create istio-revision-tag-default, create istiod-revision-tag-default, update istiod-default-validator, see default, update istio-sidecar-injector"},
	{"a tag is put back", world(withTag("prod", "1-23")), restore(record("prod", "1-22", "1-22"), record("prod", "1-23", "1-23")),
		"delete istiod-revision-tag-prod, update istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"to one without a Service", world(withTag("prod", "1-23")), restore(record("prod", "1-22", ""), record("prod", "1-23", "1-23")),
		"delete istiod-revision-tag-prod, update istio-revision-tag-prod"},
	{"to one that was a Service alone", world(withTag("prod", "1-23")), restore(record("prod", "", "1-22"), record("prod", "1-23", "1-23")),
		"delete istiod-revision-tag-prod, delete istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"to none", world(withTag("prod", "1-23")), restore(record("prod", "", ""), record("prod", "1-23", "1-23")),
		"delete istiod-revision-tag-prod, delete istio-revision-tag-prod"},
	{"one that was removed", world(), restore(record("prod", "1-22", "1-22"), record("prod", "", "")), "create istio-revision-tag-prod, create istiod-revision-tag-prod"},
	{"the default tag over an installation without a revision is put back", world(unrevisioned, withTag("default", "1-23"), switchedOff(true)), restoreDefault,
		"update istio-sidecar-injector, update istiod-default-validator, delete istiod-revision-tag-default, see default, delete istio-revision-tag-default"},
	{"whoever switched it off", world(unrevisioned, withTag("default", "1-23"), switchedOff(false)), restoreDefault,
		"update istio-sidecar-injector, update istiod-default-validator, delete istiod-revision-tag-default, see default, delete istio-revision-tag-default"},
}

func set(name, rev string) func(*Objects) Wish {
	return func(o *Objects) Wish { return Set(o, istio, name, rev) }
}

func remove(name string) func(*Objects) Wish {
	return func(o *Objects) Wish { return Remove(o, istio, name) }
}

func restore(was, wrote Record) func(*Objects) Wish {
	return func(o *Objects) Wish {
		w, kept := Restore(o, was, wrote)
		if len(kept) > 0 {
			panic(fmt.Sprint(kept))
		}
		return w
	}
}

func record(name, webhook, service string) Record {
	r := Record{Name: name, Namespace: istio, Webhook: webhook, Service: service}
	if webhook != "" {
		r.WebhookName = WebhookName(istio, name)
	}
	return r
}

func restoreDefault(o *Objects) Wish {
	before := world(unrevisioned)
	was := before.Record(istio, Default)
	return restore(was, Set(before, istio, Default, "1-23").Record(was))(o)
}

func TestPlans(t *testing.T) {
	for _, c := range plans {
		t.Run(c.rule, func(t *testing.T) {
			writes, err := Plan(c.world, c.wish(c.world))
			if got := told(writes); got != c.writes || err != nil {
				t.Errorf("got  %s\nwant %s\nerror %v", got, c.writes, err)
			}
		})
	}
}

func told(writes []Write) string {
	var words []string
	for _, w := range writes {
		if w.Sight != nil {
			words = append(words, "see "+w.Sight.Revision)
		}
		words = append(words, string(w.Verb)+" "+w.Object.GetName())
	}
	return strings.Join(words, ", ")
}

// TestAPlanMayEndAnywhere does the first writes of every plan, plans again, and comes to the same end. On the way the tag
// never has two claimants that it did not have before, and whoever is injected before and after is injected all the time,
// by one of these two.
func TestAPlanMayEndAnywhere(t *testing.T) {
	for _, c := range plans {
		t.Run(c.rule, func(t *testing.T) {
			writes, err := Plan(c.world, c.wish(c.world))
			if err != nil {
				t.Fatal(err)
			}
			end := done(c.world, writes)
			name := c.wish(c.world).Name
			for k := range len(writes) + 1 {
				half := done(c.world, writes[:k])
				rest, err := Plan(half, c.wish(half))
				if err != nil || told(rest) != told(writes[k:]) {
					t.Errorf("after %d writes: %s are left, want %s, %v", k, told(rest), told(writes[k:]), err)
				}
				if got, want := whole(done(half, rest)), whole(end); got != want {
					t.Errorf("after %d writes it ends in another state:\n%s\nwant:\n%s", k, got, want)
				}
				if claimants, before := half.Tag(istio, name).Revisions(), c.world.Tag(istio, name).Revisions(); len(claimants) > max(1, len(before)) {
					t.Errorf("after %d writes it has claimants %q", k, claimants)
				}
				goesOnInjecting(t, k, c.world, half, end)
			}
		})
	}
}

// done does writes as a server does them.
func done(o *Objects, writes []Write) *Objects {
	for _, w := range writes {
		object := w.Object.DeepCopyObject().(Object)
		identify(object)
		o = o.With(w, object)
	}
	return o
}

func whole(o *Objects) string {
	sorted := *o
	sorted.Webhooks, sorted.Services = slices.Clone(o.Webhooks), append([]corev1.Service{}, o.Services...)
	slices.SortFunc(sorted.Webhooks, func(a, b mutating) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(&sorted, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func goesOnInjecting(t *testing.T, k int, before, half, end *Objects) {
	t.Helper()
	start, now, finish := revision.Injectors(before.Webhooks), revision.Injectors(half.Webhooks), revision.Injectors(end.Webhooks)
	for _, namespace := range labelSets("istio-injection", "enabled", "disabled") {
		for _, pod := range labelSets("sidecar.istio.io/inject", "true", "false") {
			was, is, will := injecting(start, namespace, pod), injecting(now, namespace, pod), injecting(finish, namespace, pod)
			if len(was) > 0 && len(will) > 0 && len(is) == 0 {
				t.Errorf("after %d writes nobody injects a pod with %v in a namespace with %v", k, pod, namespace)
			}
			for _, rev := range is {
				if !slices.Contains(was, rev) && !slices.Contains(will, rev) {
					t.Errorf("after %d writes revision %s injects a pod with %v in a namespace with %v", k, rev, pod, namespace)
				}
			}
		}
	}
}

// labelSets are all that matter: the key with those values or absent, and istio.io/rev likewise.
func labelSets(key string, values ...string) []map[string]string {
	var sets []map[string]string
	for _, v := range append(values, "") {
		for _, rev := range []string{"", "prod", "default", "1-22", "1-23"} {
			set := map[string]string{}
			if v != "" {
				set[key] = v
			}
			if rev != "" {
				set["istio.io/rev"] = rev
			}
			sets = append(sets, set)
		}
	}
	return sets
}

// injecting returns the revisions whose injectors select a pod.
func injecting(injectors []revision.Injector, namespace, pod map[string]string) []string {
	var revisions []string
	for _, injector := range injectors {
		for _, w := range injector.Webhooks {
			if w.Selects(namespace, pod) && !slices.Contains(revisions, injector.Owner.Revision) {
				revisions = append(revisions, injector.Owner.Revision)
			}
		}
	}
	return revisions
}

func TestWhatCannotBePlanned(t *testing.T) {
	taken := own("1-22")
	taken.Name = "istio-revision-tag-prod"
	url := &Objects{Webhooks: []mutating{byURL(own("managed"))}}
	for _, c := range []struct {
		rule  string
		world *Objects
		wish  func(*Objects) Wish
		want  string
	}{
		{"a revision that is not installed", world(), set("prod", "1-24"), "tag prod: revision 1-24 is not installed in namespace istio-system: there are 1-22, 1-23"},
		{"two webhook configurations", world(withTag("prod", "1-22"), withSecondWebhook("prod", "1-22")), set("prod", "1-23"),
			"tag prod: it has several webhook configurations, istio-revision-tag-prod and second, which cannot move at one moment: delete all but one"},
		{"a name that is taken", &Objects{Webhooks: []mutating{taken}}, set("prod", "1-22"),
			"tag prod: mutatingwebhookconfiguration istio-revision-tag-prod exists and is not the tag's: choose another with --webhook-name"},
		{"nobody says where Istio is", url, func(o *Objects) Wish { return Set(o, "", "prod", "managed") },
			"tag prod: revision managed is called by URL, which does not tell where Istio is: name its namespace with --istio-namespace"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := Plan(c.world, c.wish(c.world)); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAMovedTagKeepsWhatIsNotOurs(t *testing.T) {
	o := world(autoInjecting)
	live := o.webhook("istio-revision-tag-default")
	live.Labels["team"] = "mesh"
	for i := range live.Webhooks {
		live.Webhooks[i].FailurePolicy = ptr.To(admissionIgnore)
	}
	writes, err := Plan(o, Set(o, istio, Default, "1-23"))
	if err != nil {
		t.Fatal(err)
	}
	next := writes[0].Object.(*mutating)
	if next.Labels["team"] != "mesh" || next.ResourceVersion != "1" || len(next.Webhooks) != 5 {
		t.Errorf("got %+v", next)
	}
	for _, w := range next.Webhooks {
		if *w.FailurePolicy != admissionIgnore || w.ClientConfig.Service.Name != "istiod-1-23" {
			t.Errorf("webhook %s: %s, %+v", w.Name, *w.FailurePolicy, w.ClientConfig.Service)
		}
		// The CA of another server's certificate is that server's.
		if string(w.ClientConfig.CABundle) != "ca of 1-23" {
			t.Errorf("webhook %s: CA %s", w.Name, w.ClientConfig.CABundle)
		}
	}
}
