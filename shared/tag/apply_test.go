package tag

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func TestEveryPlanIsCarriedOut(t *testing.T) {
	for _, c := range plans {
		t.Run(c.rule, func(t *testing.T) {
			s := serve(t, c.world)
			o := s.read()
			writes, err := Plan(o, c.wish(o))
			if err != nil {
				t.Fatal(err)
			}
			after, err := s.apply(o, c.wish(o), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Join(s.log, ", "), withoutSights(told(writes)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if left, err := Plan(s.read(), c.wish(s.read())); len(left) > 0 || err != nil {
				t.Errorf("left is %s, %v", told(left), err)
			}
			if got, want := whole(after), whole(s.read()); got != want {
				t.Errorf("returned:\n%s\nin the cluster:\n%s", got, want)
			}
		})
	}
}

func withoutSights(plan string) string {
	var words []string
	for _, w := range strings.Split(plan, ", ") {
		if w != "" && !strings.HasPrefix(w, "see ") {
			words = append(words, w)
		}
	}
	return strings.Join(words, ", ")
}

func TestWhatIstiodChangesMeanwhileDoesNotMatter(t *testing.T) {
	s := serve(t, world(withTag("prod", "1-22")))
	o := s.read()
	patched := false
	_, err := s.apply(o, Set(o, istio, "prod", "1-23"), func(w Write) error {
		if w.Verb == Update && !patched {
			patched = true
			c := s.read().webhook("istio-revision-tag-prod").DeepCopy()
			c.Webhooks[0].ClientConfig.CABundle = []byte("renewed")
			s.change(webhooks, c)
		}
		return nil
	})
	if now := s.read().Tag(istio, "prod"); err != nil || now.Revision() != "1-23" || now.Conflict() != "" || now.Half() != "" {
		t.Errorf("got %+v, %v", now, err)
	}
}

func TestSomebodyElsesMoveIsNotOverwritten(t *testing.T) {
	for _, c := range []struct {
		rule string
		at   Verb
		move func(*server)
		want string
	}{
		{"of the webhook configuration", Update, func(s *server) {
			c := s.read().webhook("istio-revision-tag-prod").DeepCopy()
			c.Labels["istio.io/rev"] = "1-24"
			s.change(webhooks, c)
		}, "tag prod: somebody else has changed it meanwhile: it stands for 1-24 now, and stays so; see `kubectl mesh-canary tag list`"},
		{"of the Service", Delete, func(s *server) {
			c := s.read().service(istio, "istiod-revision-tag-prod").DeepCopy()
			c.Labels["istio.io/rev"] = "1-24"
			s.change(services, c)
		}, "tag prod: somebody else has changed it meanwhile: it stands for 1-22 by its webhook configuration and for 1-24 by its Service now, and stays so; see `kubectl mesh-canary tag list`"},
		{"by a Service of their own", Create, func(s *server) {
			svc := service(istio, "istiod-revision-tag-prod", "prod", "1-24")
			if err := s.Kube.Tracker().Create(services, &svc, istio); err != nil {
				s.t.Fatal(err)
			}
		}, "tag prod: somebody else has changed it meanwhile: it stands for 1-23 by its webhook configuration and for 1-24 by its Service now, and stays so; see `kubectl mesh-canary tag list`"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := serve(t, world(withTag("prod", "1-22")))
			o := s.read()
			moved := false
			_, err := s.apply(o, Set(o, istio, "prod", "1-23"), func(w Write) error {
				if w.Verb == c.at && !moved {
					moved = true
					c.move(s)
				}
				return nil
			})
			if !errors.Is(err, ErrMoved) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestTheHookIsAskedBeforeEveryChange(t *testing.T) {
	lost := errors.New("the lease is lost")
	for k := range 3 {
		s := serve(t, world(withTag("prod", "1-22")))
		o := s.read()
		asked := 0
		_, err := s.apply(o, Set(o, istio, "prod", "1-23"), func(Write) error {
			if asked++; asked > k {
				return lost
			}
			return nil
		})
		if !errors.Is(err, lost) || len(s.log) != k {
			t.Errorf("after %d: %q, %v", k, s.log, err)
		}
		// Whoever has the lease next finishes it.
		o = s.read()
		if _, err := s.apply(o, Set(o, istio, "prod", "1-23"), nil); err != nil || s.read().Tag(istio, "prod").Revision() != "1-23" {
			t.Errorf("after %d: %v", k, err)
		}
	}
}

func TestFailuresThatPassAreTriedAgain(t *testing.T) {
	s := serve(t, world())
	failures := 0
	s.Kube.PrependReactor("create", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		if failures++; failures <= 3 {
			return true, nil, apierrors.NewTooManyRequests("busy", 0)
		}
		return false, nil, nil
	})
	o := s.read()
	if _, err := s.apply(o, Set(o, istio, "prod", "1-23"), nil); err != nil || failures != 4 {
		t.Errorf("%d requests, %v", failures, err)
	}
}

func TestOthersAreErrors(t *testing.T) {
	s := serve(t, world())
	o := s.read()
	s.Fail("services", apierrors.NewForbidden(services.GroupResource(), "istiod-revision-tag-prod", errors.New("no")))
	_, err := s.apply(o, Set(o, istio, "prod", "1-23"), nil)
	if want := `create of Service istiod-revision-tag-prod: services "istiod-revision-tag-prod" is forbidden: no`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAnInjectorStaysOnUntilTheNewOneIsSeen(t *testing.T) {
	s := serve(t, world(unrevisioned))
	s.deaf = []string{"1-23"}
	o := s.read()
	_, err := s.apply(o, Set(o, istio, Default, "1-23"), nil)
	want := "tag default was not seen to inject by revision 1-23: a pod was not injected; what injected until now stays as it is"
	if err == nil || err.Error() != want || deactivated(s.read().webhook("istio-sidecar-injector")) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAnInjectorIsSwitchedOnAgainWhereTheTagDoesNotInjectByItself(t *testing.T) {
	s := serve(t, world(unrevisioned))
	o := s.read()
	_, err := s.apply(o, Set(o, istio, Default, "1-23"), func(w Write) error {
		if w.Object.GetName() == "istio-sidecar-injector" {
			s.deaf = []string{"1-23"}
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "was not seen to inject") || deactivated(s.read().webhook("istio-sidecar-injector")) {
		t.Errorf("got %v, %q", err, s.log)
	}
}

func TestATagStaysUntilTheInjectorIsSeenThatWasSwitchedOn(t *testing.T) {
	s := serve(t, world(unrevisioned, withTag("default", "1-23"), switchedOff(true)))
	s.deaf = []string{"default"}
	o := s.read()
	_, err := s.apply(o, Remove(o, istio, Default), nil)
	want := "tag default was not seen to inject by revision default: a pod was injected by revision 1-23; what injected until now stays as it is"
	if err == nil || err.Error() != want || s.read().webhook("istio-revision-tag-default") == nil {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestARehearsalChangesNothing(t *testing.T) {
	s := serve(t, world(withTag("prod", "1-22")))
	o := s.read()
	writes, err := Plan(o, Set(o, istio, "prod", "1-23"))
	if err != nil {
		t.Fatal(err)
	}
	dry := 0
	s.Kube.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		switch a := a.(type) {
		case clienttesting.CreateActionImpl:
			dry += len(a.CreateOptions.DryRun)
			return true, nil, apierrors.NewAlreadyExists(services.GroupResource(), a.Name)
		case clienttesting.UpdateActionImpl:
			dry += len(a.UpdateOptions.DryRun)
			return true, a.Object, nil
		case clienttesting.DeleteActionImpl:
			dry += len(a.DeleteOptions.DryRun)
			return true, nil, nil
		}
		return false, nil, nil
	})
	if err := Rehearse(t.Context(), s.Clients(), writes); err != nil || dry != 3 {
		t.Errorf("%d dry runs, %v", dry, err)
	}
}

func TestTheEndOfTheContextEndsARun(t *testing.T) {
	s := serve(t, world())
	o := s.read()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Apply(ctx, s.Clients(), o, Set(o, istio, "prod", "1-23"), Run{}); !errors.Is(err, context.Canceled) || len(s.log) > 0 {
		t.Errorf("%q, %v", s.log, err)
	}
}
