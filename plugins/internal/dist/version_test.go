package main

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
)

func TestAReleasesVersionIsOneThatKrewTakes(t *testing.T) {
	for given, want := range map[string]string{
		"v1.2.3":                       "v1.2.3",
		"v1.2.3-rc.1":                  "v1.2.3-rc.1",
		"v1.2.3-4-gabcdef012345":       "v1.2.3-4-gabcdef012345",
		"v1.2.3-4-gabcdef012345-dirty": "v1.2.3-4-gabcdef012345-dirty",
		"abcdef012345":                 "v0.0.0-20260504030202-abcdef012345",
		"012345678901":                 "v0.0.0-20260504030202-012345678901",
		"abcdef012345-dirty":           "v0.0.0-20260504030202-abcdef012345-dirty",
	} {
		got, err := releaseVersion(given, madeAt)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", given, got, err, want)
		}
		if _, err := version.ParseSemantic(got); err != nil {
			t.Errorf("%s: krew cannot read %s: %v", given, got, err)
		}
	}
}

func TestAnotherVersionIsRefusedWithWhatToType(t *testing.T) {
	for _, given := range []string{"", "dev", "1.2.3", "v1.2", "v1.02.3", "latest", "v1.2.3.4", "v1.2.3 "} {
		if got, err := releaseVersion(given, madeAt); err == nil || !strings.Contains(err.Error(), "make dist VERSION=v1.2.3") {
			t.Errorf("%q: got %s, %v", given, got, err)
		}
	}
	if got, err := releaseVersion("v1.2.3+build.4", madeAt); err == nil || !strings.Contains(err.Error(), "+build.4 cannot stand") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestTheTimeIsThatOfTheCommitUnlessItIsGiven(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1777863722")
	if got, err := releaseTime(t.Context()); err != nil || !got.Equal(madeAt) || got.Location() != time.UTC {
		t.Errorf("got %v, %v", got, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "today")
	if _, err := releaseTime(t.Context()); err == nil || !strings.Contains(err.Error(), `SOURCE_DATE_EPOCH is "today"`) {
		t.Errorf("got %v", err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	first, err := releaseTime(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := releaseTime(t.Context()); err != nil || !first.Equal(second) || !first.Before(time.Now()) {
		t.Errorf("got %v, then %v, %v", first, second, err)
	}
}

func TestTheToolchainIsTheOneThatTheModuleNames(t *testing.T) {
	for module, want := range map[string]string{
		"module m\n\ngo 1.26.0\n\ntoolchain go1.26.8\n": "go1.26.8",
		"module m\n\ngo 1.26.0\n":                       "no toolchain",
	} {
		if got := toolchain(module); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
