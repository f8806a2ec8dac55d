package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// bareCommit is what `git describe --always --dirty` says where no tag leads to the commit.
var bareCommit = regexp.MustCompile(`^[0-9a-f]{7,40}(-dirty)?$`)

// releaseVersion returns the version of a release: what was given, or for a bare commit, made at that time, a version below every
// release, as Go names such commits. The error says that it is no version that krew takes, and what to type.
func releaseVersion(given string, made time.Time) (string, error) {
	if bareCommit.MatchString(given) {
		return "v0.0.0-" + made.Format("20060102150405") + "-" + given, nil
	}
	number, prefixed := strings.CutPrefix(given, "v")
	v, err := semver.StrictNewVersion(number)
	switch {
	case !prefixed || err != nil:
		return "", fmt.Errorf("version %q: krew takes semantic versions that begin with v; try `make dist VERSION=v1.2.3`", given)
	case v.Metadata() != "":
		return "", fmt.Errorf("version %q: the version is part of file names and addresses, where +%s cannot stand", given, v.Metadata())
	}
	return given, nil
}

// releaseTime is the time that everything in the release bears: SOURCE_DATE_EPOCH where it is set, else that of the commit. The error
// says that neither is there.
func releaseTime(ctx context.Context) (time.Time, error) {
	from := "SOURCE_DATE_EPOCH"
	seconds := os.Getenv(from)
	if seconds == "" {
		from = "the time of the commit"
		out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, errors.New("asking git for the time of the commit: there is no answer; set SOURCE_DATE_EPOCH, in seconds, to make a release without git")
		}
		seconds = strings.TrimSpace(string(out))
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is %q, which is no number of seconds", from, seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}

// toolchain returns the Go toolchain that go.mod names, which is the one that releases are made with.
func toolchain(module string) string {
	for line := range strings.Lines(module) {
		if name, is := strings.CutPrefix(strings.TrimSpace(line), "toolchain "); is {
			return strings.TrimSpace(name)
		}
	}
	return "no toolchain"
}
