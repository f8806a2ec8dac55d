package injection

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func TestAPodsWishAsReleasesReadIt(t *testing.T) {
	const name = "sidecar.istio.io/inject"
	annotated := func(v string) fixture.PodOption { return fixture.Annotation(name, v) }
	labelled := func(v string) fixture.PodOption { return fixture.Label(name, v) }
	for _, c := range []struct {
		rule                 string
		options              []fixture.PodOption
		now, since, before   string
		byNow, bySince, byBe string
	}{
		{"nothing", nil, "", "", "", "", "", ""},
		{"an annotation", []fixture.PodOption{annotated("false")}, "false", "false", "false",
			"annotation " + name + "=false", "annotation " + name + "=false", "annotation " + name + "=false"},
		{"a label", []fixture.PodOption{labelled("true")}, "true", "true", "",
			"pod label " + name + "=true", "pod label " + name + "=true", ""},
		{"both", []fixture.PodOption{labelled("true"), annotated("false")}, "true", "true", "false",
			"pod label " + name + "=true", "pod label " + name + "=true", "annotation " + name + "=false"},
		{"an empty label", []fixture.PodOption{labelled(""), annotated("false")}, "", "", "false",
			"", "", "annotation " + name + "=false"},
		{"a word for true", []fixture.PodOption{annotated("Yes")}, "", "true", "true",
			"", "annotation " + name + "=Yes", "annotation " + name + "=Yes"},
		{"true in capitals", []fixture.PodOption{annotated("TRUE")}, "", "true", "true",
			"", "annotation " + name + "=TRUE", "annotation " + name + "=TRUE"},
		{"any other word", []fixture.PodOption{annotated("disabled")}, "", "false", "false",
			"", "annotation " + name + "=disabled", "annotation " + name + "=disabled"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			for reading, want := range map[reading][2]string{
				since127: {c.now, c.byNow}, since112: {c.since, c.bySince}, before112: {c.before, c.byBe},
			} {
				asked, by := reading.wish(pod(c.options...))
				if asked != want[0] || asked != "" && by != want[1] {
					t.Errorf("%+v: got %q by %q, want %q", reading, asked, by, want)
				}
			}
		})
	}
}

func TestTheConfigurationsShapeTellsHowAWishMayBeRead(t *testing.T) {
	named := func(template string) set {
		data := oldData("", oldValues)
		data["config"] = "policy: enabled\ntemplates:\n  sidecar: |\n    " + strings.ReplaceAll(template, "\n", "\n    ")
		return data
	}
	scoped := named(fixture.StockTemplate)
	scoped["values"] = `{"global":{"hub":"h","resourceScope":"namespace"}}`
	for _, c := range []struct {
		rule string
		data set
		want []reading
	}{
		{"before 1.9", oldData(spelled, ""), []reading{before112}},
		{"before 1.12", named(choosing(ifWhole, fromHub)), []reading{since112, before112}},
		{"since 1.12", named(fixture.StockTemplate), []reading{since127, since112}},
		{"since 1.28", scoped, []reading{since127}},
		{"nothing but the user's own templates", named(spelled), []reading{since127, since112, before112}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := ParseConfig(c.data)
			if err != nil || !reflect.DeepEqual(got.readings, c.want) {
				t.Errorf("got %+v, %v", got.readings, err)
			}
		})
	}
}
