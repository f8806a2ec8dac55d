package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func isInstalled(r string) bool { return r == "1-22" || r == "1-23" || r == "default" }

// look is a mesh of tags, as "tag=revision", and namespaces, as "namespace: label=value ...".
func look(lines ...string) Seen {
	s := Seen{Tags: map[string]Tag{}, Namespaces: map[string]Namespace{}}
	for _, line := range lines {
		name, labels, isNamespace := strings.Cut(line, ":")
		if !isNamespace {
			tag, r, _ := strings.Cut(line, "=")
			s.Tags[tag] = Tag{Revision: r}
			continue
		}
		n := Namespace{UID: name, Labels: map[string]string{}}
		for _, l := range strings.Fields(labels) {
			if l == "deleting" {
				n.Deleting = true
				continue
			}
			key, value, _ := strings.Cut(l, "=")
			n.Labels[key] = value
		}
		s.Namespaces[name] = n
	}
	return s
}

func TestWhatAnUpgradeIs(t *testing.T) {
	tagged := look("prod-stable=1-22", "shop: istio.io/rev=prod-stable", "bank: istio.io/rev=1-22", "mill: istio-injection=disabled istio.io/rev=1-22")
	for name, c := range map[string]struct {
		request Request
		seen    Seen
		want    string
	}{
		"found out":               {Request{To: "1-23"}, tagged, "1-22 prod-stable [] {prod-stable 1-22 []}"},
		"with a canary tag":       {Request{To: "1-23", CanaryTag: "next"}, tagged, "1-22 prod-stable next {prod-stable 1-22 []} {next  []}"},
		"a new stable tag":        {Request{From: "1-22", To: "1-23", StableTag: "prod"}, look("shop: istio.io/rev=1-22"), "1-22 prod [] {prod  []}"},
		"the default":             {Request{To: "1-23"}, look("shop: istio-injection=enabled"), "default [] []"},
		"a tag that exists":       {Request{To: "1-23", CanaryTag: "old", UseTag: true}, look("old=1-22", "shop: istio.io/rev=1-22"), "1-22 [] old {old 1-22 []}"},
		"several tags, one named": {Request{To: "1-23", StableTag: "a"}, look("a=1-22", "b=1-22", "x: istio.io/rev=a", "y: istio.io/rev=b"), "1-22 a [] {a 1-22 []}"},
		"not installed":           {Request{To: "1-24"}, tagged, "revision 1-24 is not installed: see `kubectl mesh-canary revisions`"},
		"in use":                  {Request{From: "1-23", To: "1-23"}, tagged, "revision 1-23 is the one in use"},
		"nothing to leave":        {Request{To: "1-22"}, tagged, "no namespace follows another revision than 1-22: name it with --from"},
		"several revisions":       {Request{To: "1-23"}, look("a: istio.io/rev=1-22", "b: istio-injection=enabled"), "namespaces follow several revisions (1-22, default): name the one to leave with --from"},
		"several tags":            {Request{To: "1-23"}, look("a=1-22", "b=1-22", "x: istio.io/rev=a", "y: istio.io/rev=b"), "namespaces follow revision 1-22 by several tags (a, b): name one with --stable-tag"},
		"a stable tag elsewhere":  {Request{From: "1-22", To: "1-23", StableTag: "a"}, look("a=1-23"), "--stable-tag a points at revision 1-23, not 1-22: see `kubectl mesh-canary tag list`"},
		"no label value":          {Request{To: "1-23", CanaryTag: "a b"}, tagged, `--canary-tag: tag "a b": a valid label must be`},
		"a revision's name":       {Request{To: "1-23", CanaryTag: "1-22"}, tagged, "--canary-tag 1-22: a revision has that name"},
		"one tag for both":        {Request{To: "1-23", CanaryTag: "prod-stable"}, tagged, "--canary-tag prod-stable is the stable tag"},
		"no Service's name":       {Request{To: "1-23", CanaryTag: "v1.23"}, tagged, `--canary-tag: tag "v1.23": its Service would be`},
		"a tag of what is gone":   {Request{To: "1-23", CanaryTag: "old", UseTag: true}, look("old=1-21", "shop: istio.io/rev=1-22"), "--canary-tag old points at revision 1-21, which is not installed, so that it could not be put back"},
		"a mistyped stable tag":   {Request{To: "1-23", StableTag: "prod-stabel"}, look("prod-stable=1-22", "shop: istio.io/rev=prod-stable"), "--stable-tag prod-stabel does not exist; namespaces follow revision 1-22 by prod-stable: name that, or leave the flag out"},
		"a stable tag of nobody":  {Request{To: "1-23", StableTag: "prod"}, look("shop: istio.io/rev=1-22", "odd: istio.io/rev=prod"), "--stable-tag prod does not exist, and namespaces that name it (odd) would be injected"},
		"the default as canary":   {Request{To: "1-23", CanaryTag: "default"}, tagged, "--canary-tag default: every namespace with istio-injection=enabled follows that"},
		"a tag of others":         {Request{To: "1-23", CanaryTag: "old"}, look("old=1-22", "shop: istio.io/rev=1-22"), "--canary-tag old exists already, and points at revision 1-22: use another, or --use-tag to point it at 1-23 until it is rolled back"},
		"a label of others":       {Request{To: "1-23", CanaryTag: "next"}, look("shop: istio.io/rev=1-22", "odd: istio.io/rev=next"), "--canary-tag next is named by namespaces (odd), which would follow it: use another, or --use-tag"},
	} {
		u, err := Begin(c.request, c.seen, isInstalled)
		got := fmt.Sprint(err)
		if err == nil {
			or := func(s string) string {
				if s == "" {
					return "[]"
				}
				return s
			}
			got = fmt.Sprint(u.From, " ", or(u.StableTag), " ", or(u.CanaryTag))
			for _, tag := range u.Tags {
				got += fmt.Sprintf(" {%s %s %s}", tag.Name, tag.Before, tag.Wrote)
			}
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestWhichNamespacesAnUpgradeIsAbout(t *testing.T) {
	seen := look("prod-stable=1-22", "team=1-22", "next=1-23", "default=1-22", "tagged: istio.io/rev=prod-stable", "named: istio.io/rev=1-22", "injected: istio-injection=enabled",
		"others: istio.io/rev=team", "there: istio.io/rev=next", "old: istio.io/rev=default", "going: deleting istio.io/rev=1-22", "plain:", "odd: istio.io/rev=typo", "never: istio-injection=no istio.io/rev=1-22")
	u, err := Begin(Request{From: "1-22", To: "1-23", StableTag: "prod-stable"}, seen, isInstalled)
	if err != nil {
		t.Fatal(err)
	}
	if got := Concerned(u, seen, isInstalled); !slices.Equal(got, []string{"injected", "named", "tagged"}) {
		t.Errorf("got %v", got)
	}
	for name, want := range map[string]string{
		"gone": "namespace gone does not exist", "going": "namespace going is being deleted",
		"plain": "namespace plain follows no revision: it has no label of Istio", "there": "namespace there follows revision 1-23 already",
		"odd": "namespace odd follows no revision: its labels are istio.io/rev=typo", "others": "namespace others follows tag team, and this upgrade moves tag prod-stable",
		"never": "namespace never follows no revision: its labels are istio-injection=no,istio.io/rev=1-22",
	} {
		if err := Add(u, seen, isInstalled, []string{"named", name}); err == nil || err.Error() != want || len(u.Namespaces) > 0 {
			t.Errorf("got  %v, %v\nwant %s", err, u.Namespaces, want)
		}
	}
	for range 2 {
		if err := Add(u, seen, isInstalled, []string{"tagged", "injected"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(u.Namespaces) != 2 || u.Namespaces[1].Form != v1alpha1.ByDefaultTag || len(u.Tags) != 2 || u.Tags[1].Name != "default" || u.Tags[1].Before != "1-22" {
		t.Errorf("got %+v", u)
	}
	if got := Concerned(u, seen, isInstalled); !slices.Equal(got, []string{"named"}) {
		t.Errorf("got %v", got)
	}
}

// TestANamespaceInThePlaceOfOneThatIsGone is taken in anew.
func TestANamespaceInThePlaceOfOneThatIsGone(t *testing.T) {
	seen := look("shop: istio.io/rev=1-22")
	u := &v1alpha1.CanaryUpgrade{Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", Namespaces: []v1alpha1.UpgradeNamespace{
		{Name: "shop", UID: "another", Form: v1alpha1.ByRevision, Before: map[string]string{Rev: "1-22"}, Moved: true},
	}}
	if got := Concerned(u, seen, isInstalled); !slices.Equal(got, []string{"shop"}) {
		t.Errorf("concerned: %v", got)
	}
	if err := Add(u, seen, isInstalled, []string{"shop"}); err != nil || len(u.Namespaces) != 1 || u.Namespaces[0].UID != "shop" || u.Namespaces[0].Moved {
		t.Errorf("%v, %+v", err, u.Namespaces)
	}
}

// TestLabelsThatWerePutBack have a namespace moved again, once it is named.
func TestLabelsThatWerePutBack(t *testing.T) {
	seen := look("shop: istio.io/rev=1-22", "bank: istio.io/rev=1-23")
	n := func(name string) v1alpha1.UpgradeNamespace {
		return v1alpha1.UpgradeNamespace{Name: name, UID: name, Form: v1alpha1.ByRevision, Before: map[string]string{Rev: "1-22"}, Moved: true}
	}
	u := &v1alpha1.CanaryUpgrade{Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", Namespaces: []v1alpha1.UpgradeNamespace{n("shop"), n("bank")}}
	if got := Undone(u, seen); !slices.Equal(got, []string{"shop"}) {
		t.Errorf("undone: %v", got)
	}
	if err := Add(u, seen, isInstalled, []string{"shop", "bank"}); err != nil || u.Namespaces[0].Moved || !u.Namespaces[1].Moved {
		t.Errorf("%v, %+v", err, u.Namespaces)
	}
}

func TestWhoFollowsARevision(t *testing.T) {
	seen := look("prod-stable=1-22", "shop: istio.io/rev=prod-stable", "bank: istio.io/rev=1-22", "mill: istio.io/rev=1-23", "never: istio-injection=disabled istio.io/rev=1-22",
		"gone: istio.io/rev=1-24", "going: istio.io/rev=1-22 deleting", "plain:")
	got := Following(seen, isInstalled, func(revision string) bool { return revision != "1-23" })
	if want := []string{"bank", "shop"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
