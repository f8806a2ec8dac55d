package tag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatATagSays(t *testing.T) {
	for _, c := range []struct {
		rule                     string
		world                    *Objects
		revision, conflict, half string
	}{
		{"a whole one", world(withTag("prod", "1-22")), "1-22", "", ""},
		{"from before 1.28", world(withWebhook("prod", "1-22")), "1-22", "", "no Service"},
		{"a Service alone", world(withService("prod", "1-22")), "1-22", "", "no webhook configuration: it injects nothing"},
		{"two that differ", world(withWebhook("prod", "1-22"), withService("prod", "1-23")), "1-22",
			"webhook configuration istio-revision-tag-prod says 1-22, Service istiod-revision-tag-prod says 1-23", ""},
		{"none", world(), "", "", "only its validator is there"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := c.world.Tag(istio, "prod")
			if got.Revision() != c.revision || got.Conflict() != c.conflict || got.Half() != c.half {
				t.Errorf("got %+v: revision %q, conflict %q, half %q", got, got.Revision(), got.Conflict(), got.Half())
			}
		})
	}
}

func TestTwoMeshesInOneClusterAreKeptApart(t *testing.T) {
	other := func(rev, tag string) mutating {
		c := own(rev)
		r, err := Render(&c, Options{Tag: tag, Namespace: "other"})
		if err != nil {
			t.Fatal(err)
		}
		return *r.Webhook
	}
	o := world(withTag("prod", "1-22"), func(o *Objects) {
		o.Webhooks = append(o.Webhooks, inNamespace(own("1-22"), "other"), other("1-22", "prod"))
		o.Services = append(o.Services, service("other", "istiod-revision-tag-left", "left", "1-21"))
	})
	var names []string
	for _, tag := range o.Tags() {
		names = append(names, tag.String()+" -> "+tag.Revision())
	}
	want := []string{"tag prod -> 1-22", "tag left of the mesh in other -> 1-21", "tag prod of the mesh in other -> 1-22"}
	if !slices.Equal(names, want) || !slices.Equal(o.Namespaces(), []string{istio, "other"}) {
		t.Errorf("got %q in %q", names, o.Namespaces())
	}
	if got := Rivals(o, istio, "prod"); !slices.Equal(got, []string{"istio-revision-tag-prod-other"}) {
		t.Errorf("rivals %q", got)
	}
	if got := Rivals(o, istio, Default); len(got) > 0 {
		t.Errorf("rivals %q", got)
	}
	// What is done in one mesh touches nothing of the other.
	writes, err := Plan(o, Set(o, istio, "prod", "1-23"))
	if err != nil || told(writes) != "delete istiod-revision-tag-prod, update istio-revision-tag-prod, create istiod-revision-tag-prod" {
		t.Errorf("got %s, %v", told(writes), err)
	}
	if _, err := Locate(o, "prod", ""); err == nil || err.Error() != "several meshes have it, in istio-system, other: choose one with --istio-namespace" {
		t.Errorf("got %v", err)
	}
	if namespace, err := Locate(o, "prod", "1-23"); namespace != istio || err != nil {
		t.Errorf("got %s, %v", namespace, err)
	}
}

func TestAControlPlaneThatIsCalledByURLIsWhereTheUserSays(t *testing.T) {
	o := &Objects{Webhooks: []mutating{byURL(own("managed"))}, Named: "asm"}
	if !slices.Equal(o.Revisions("asm"), []string{"managed"}) {
		t.Errorf("got %q", o.Namespaces())
	}
	writes, err := Plan(o, Set(o, "asm", "prod", "managed"))
	if err != nil || told(writes) != "create istio-revision-tag-prod-asm, create istiod-revision-tag-prod" {
		t.Errorf("got %s, %v", told(writes), err)
	}
}

// TestANamespaceWithNothingOfIstioIsToldApart from one in which only a part of a tag is left, which has to be removed somehow.
func TestANamespaceWithNothingOfIstioIsToldApart(t *testing.T) {
	o := world(withTag("prod", "1-22"))
	for named, want := range map[string]string{
		"": "", istio: "", "left": "", "nowhere": "--istio-namespace nowhere: no injector's control plane is there; there are some in istio-system",
	} {
		o.Named, o.Services = named, []corev1.Service{service("left", "istiod-revision-tag-old", "old", "1-20")}
		if err := CheckNamed(o); fmt.Sprint(err) != cmp.Or(want, "<nil>") {
			t.Errorf("%q: %v, want %s", named, err, want)
		}
	}
}

func TestOnlyInjectorsAreRead(t *testing.T) {
	o := world(withTag("prod", "1-22"))
	o.Webhooks = append(o.Webhooks, admissionv1.MutatingWebhookConfiguration{})
	o.Webhooks[len(o.Webhooks)-1].Name = "other"
	stranger := service("shop", "web", "prod", "1-22")
	o.Services = append(o.Services, stranger)
	read := serve(t, o).read()
	if read.webhook("other") != nil || read.service("shop", "web") != nil || read.service(istio, "istiod-revision-tag-prod") == nil {
		t.Errorf("got %+v", read.Tags())
	}
}

func TestWhatMayNotBeReadIsAGap(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "", errors.New("no"))
	broken := apierrors.NewInternalError(errors.New("etcd is gone"))
	for _, c := range []struct {
		resource  string
		err       error
		gap, err2 bool
	}{
		{"services", forbidden, true, false},
		{"validatingwebhookconfigurations", forbidden, true, false},
		{"mutatingwebhookconfigurations", forbidden, false, true},
		{"services", broken, false, true},
		{"validatingwebhookconfigurations", broken, false, true},
	} {
		s := serve(t, world(withTag("prod", "1-22")))
		s.Fail(c.resource, c.err)
		o, gaps, err := Read(t.Context(), s.Clients(), "")
		if (len(gaps) > 0) != c.gap || (err != nil) != c.err2 || err == nil && o == nil {
			t.Errorf("%s, %v: gaps %v, %v", c.resource, c.err, gaps, err)
		}
	}
}

func TestNamesOfTags(t *testing.T) {
	for name, want := range map[string]string{
		"prod-stable": "",
		"default":     "",
		"":            `tag "": it is empty; choose another name, such as prod-stable`,
		"Prod":        `tag "Prod": its Service would be istiod-revision-tag-Prod, and a Service's name has lower-case letters, digits and "-" only, 63 of them at most; choose another name, such as prod-stable`,
		"prod.eu":     `tag "prod.eu": its Service would be istiod-revision-tag-prod.eu, and a Service's name has lower-case letters, digits and "-" only, 63 of them at most; choose another name, such as prod-stable`,
	} {
		if err := CheckName(name); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: got  %v\nwant %s", name, err, want)
		}
	}
	if CheckName("a b") == nil {
		t.Error("a name with a space")
	}
}

func TestWhatCannotBeSet(t *testing.T) {
	o := world(unrevisioned)
	for _, c := range []struct{ tag, rev, want string }{
		{"prod", "1-22", ""},
		{"default", "1-22", ""},
		{"1-22", "1-23", "tag 1-22: a revision of that name is installed in istio-system, and labels could not tell them apart: choose another name"},
		{"prod", "1-24", "revision 1-24 is not installed in namespace istio-system: there are 1-22, 1-23, default"},
	} {
		if err := CheckSet(o, istio, c.tag, c.rev); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s, %s: got  %v\nwant %s", c.tag, c.rev, err, c.want)
		}
	}
}

func TestWhereATagIs(t *testing.T) {
	none := &Objects{}
	for _, c := range []struct {
		rule           string
		o              *Objects
		tag, rev, want string
	}{
		{"no Istio", none, "prod", "1-22", "no Istio found: no mutating webhook's name ends in sidecar-injector.istio.io; is this the right cluster? " +
			"See `kubectl config current-context` and `kubectl get mutatingwebhookconfigurations`"},
		{"no such tag", world(), "prod", "", "there is no tag prod, and no other either"},
		{"no such revision", world(), "prod", "1-24", "revision 1-24 is not installed: there are 1-22, 1-23"},
	} {
		if _, err := Locate(c.o, c.tag, c.rev); err == nil || err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.rule, err, c.want)
		}
	}
}
