package main

import (
	"fmt"
	"slices"
	"strings"
)

// plugin is a plugin's name without what all of them begin with: canary.
type plugin string

// String returns the name.
func (p plugin) String() string { return string(p) }

// krewName is what krew calls the plugin.
func (p plugin) krewName() string { return "mesh-" + string(p) }

var allPlugins = []plugin{"canary", "proxyver", "reinject"}

func parsePlugin(text string) (plugin, error) {
	if p := plugin(text); slices.Contains(allPlugins, p) {
		return p, nil
	}
	return "", fmt.Errorf("%q is no plugin: there are %v", text, allPlugins)
}

// platform is what a binary is made for, as Go calls it.
type platform struct{ os, arch string }

// String returns it as Go's tools write it: linux/amd64.
func (p platform) String() string { return p.os + "/" + p.arch }

var allPlatforms = []platform{
	{"darwin", "amd64"}, {"darwin", "arm64"}, {"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

func parsePlatform(text string) (platform, error) {
	for _, p := range allPlatforms {
		if p.String() == text {
			return p, nil
		}
	}
	return platform{}, fmt.Errorf("%q is no platform: there are %v", text, allPlatforms)
}

// target is one plugin for one platform.
type target struct {
	plugin   plugin
	platform platform
}

// binary is the program's name in the archive, the one that krew links: kubectl takes its underscore for a dash.
func (t target) binary() string {
	name := "kubectl-mesh_" + string(t.plugin)
	if t.platform.os == "windows" {
		name += ".exe"
	}
	return name
}

// source is the package that is built, as the go command takes it in the module's folder.
func (t target) source() string { return "./plugins/kubectl-" + t.plugin.krewName() }

// archive is the archive's name.
func (t target) archive(version string) string {
	name := strings.Join([]string{"kubectl-" + t.plugin.krewName(), version, t.platform.os, t.platform.arch}, "_")
	if t.platform.os == "windows" {
		return name + ".zip"
	}
	return name + ".tar.gz"
}
