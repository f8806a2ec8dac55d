// Package provider runs the user's own tool that brings a control plane up, or takes it down: istioctl, the Azure CLI for the Istio
// add-on of AKS, or any command. Which command lines these are is decided over plain values.
package provider

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Action is what a tool is asked to do.
type Action string

// The actions.
const (
	// Install brings the new revision's control plane up.
	Install Action = "install"
	// Complete takes down the one that an upgrade has left.
	Complete Action = "complete"
	// Rollback takes down the new one of an upgrade that was rolled back.
	Rollback Action = "rollback"
	// Uninstall takes down a revision outside of an upgrade.
	Uninstall Action = "uninstall"
)

// Actions lists every action.
func Actions() []Action { return []Action{Install, Complete, Rollback, Uninstall} }

// Target is what an action is about.
type Target struct {
	// Revision is the one that is to come up, or to go. Other is the upgrade's other one, empty outside of an upgrade.
	Revision, Other string
	// IstioNamespace is the mesh's.
	IstioNamespace string
	// Kubeconfig and Context are the connection that the user has chosen, empty for the tool's own choice.
	Kubeconfig, Context string
}

// Line is one command to run.
type Line struct {
	// Words are the executable and its arguments.
	Words []string
	// Env are the variables, as NAME=VALUE, that it has beside those of this process.
	Env []string
}

// String writes the command as a person would type it, without its variables.
func (l Line) String() string { return Quote(l.Words) }

// Options are what is known of a tool beside its name.
type Options struct {
	// ResourceGroup and Name are the AKS cluster's.
	ResourceGroup, Name string
}

// Provider is the user's tool.
type Provider struct {
	tool  tool
	words []string
	// extra are the user's own arguments to a tool that is known.
	extra   []string
	options Options
}

type tool int

const (
	istioctl tool = iota
	aks
	command
)

// New reads what follows a flag such as --install: "istioctl" or "aks", each with further arguments of the user's if need be, or a
// command of the user's own. The error says what is wrong with it.
func New(flag, value string, options Options) (*Provider, error) {
	words, err := Split(value)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", flag, value, err)
	}
	if strings.Contains(words[0], "=") {
		return nil, fmt.Errorf("%s %q: %s sets a variable, which is for a shell: write env %s", flag, value, words[0], Quote(words))
	}
	p := &Provider{tool: command, words: words, options: options}
	if len(words) == 1 || strings.HasPrefix(words[1], "-") {
		switch words[0] {
		case "istioctl":
			p.tool, p.extra = istioctl, words[1:]
		case "aks":
			p.tool, p.extra = aks, words[1:]
		}
	}
	if p.tool == aks && (options.ResourceGroup == "" || options.Name == "") {
		return nil, fmt.Errorf("%s aks needs the cluster's resource group and name: add --aks-resource-group and --aks-name", flag)
	}
	return p, nil
}

// executable is what has to be in PATH.
func (p *Provider) executable() string {
	switch p.tool {
	case istioctl:
		return "istioctl"
	case aks:
		return "az"
	default:
		return p.words[0]
	}
}

// IsIstioctl says whether the tool is istioctl, run as this package knows it.
func (p *Provider) IsIstioctl() bool { return p.tool == istioctl }

// Connects says whether the tool finds the cluster by a kubeconfig, as all do but the Azure CLI.
func (p *Provider) Connects() bool { return p.tool != aks }

// Check says whether the tool is there at all, before anything is begun that needs it.
func (p *Provider) Check() error { return find(p.executable()) }

// find returns the error of an executable that cannot be run.
func find(executable string) error {
	_, err := exec.LookPath(executable)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrDot):
		return fmt.Errorf("%s is in the current directory and not in PATH: write ./%s", executable, executable)
	case errors.Is(err, exec.ErrNotFound) && !strings.ContainsRune(executable, '/'):
		return fmt.Errorf("%s is not in PATH: install it, or add its directory to PATH", executable)
	default:
		return fmt.Errorf("%s cannot be run: %w", executable, err)
	}
}

// Lines returns what is to be run for an action, in order. The error says that the tool cannot do it.
func (p *Provider) Lines(a Action, t Target) ([]Line, error) {
	switch p.tool {
	case istioctl:
		return p.istioctl(a, t), nil
	case aks:
		return p.aks(a, t)
	default:
		return []Line{{Words: p.words, Env: append(env(a, t), connection(t)...)}}, nil
	}
}

// istioctl installs, or uninstalls, one revision; installed by the name of default it would be another than the one without a name.
// Where Istio is, `istioctl install` takes from the values alone. Source:
// istio.io/istio/operator/cmd/mesh and istioctl/pkg/cli.
func (p *Provider) istioctl(a Action, t Target) []Line {
	words := []string{"istioctl", "uninstall", "-y", "--revision", t.Revision}
	switch {
	case a == Install && t.Revision == revision.Default:
		words = []string{"istioctl", "install", "-y"}
	case a == Install:
		words[1] = "install"
	}
	words = append(words, "-i", t.IstioNamespace)
	if t.Kubeconfig != "" {
		words = append(words, "--kubeconfig", t.Kubeconfig)
	}
	if t.Context != "" {
		words = append(words, "--context", t.Context)
	}
	if a == Install && t.IstioNamespace != usualNamespace {
		words = append(words, "--set", "values.global.istioNamespace="+t.IstioNamespace)
	}
	return []Line{{Words: append(words, p.extra...)}}
}

// usualNamespace is where `istioctl install` puts Istio unless it is told otherwise.
const usualNamespace = "istio-system"

// aks says what may be upgraded to and starts an upgrade, or ends it: to complete it removes the former revision, to roll it back the
// new one, and no other way removes one. Source: https://learn.microsoft.com/azure/aks/istio-upgrade, and the parameters of
// `az aks mesh` in azure.cli.command_modules.acs; the Azure CLI has --yes since 2.61.
func (p *Provider) aks(a Action, t Target) ([]Line, error) {
	line := func(words ...string) Line {
		words = append([]string{"az", "aks", "mesh"}, words...)
		words = append(words, "--resource-group", p.options.ResourceGroup, "--name", p.options.Name)
		return Line{Words: append(words, p.extra...)}
	}
	started := func(l Line, words ...string) Line {
		l.Words = append(l.Words, words...)
		return l
	}
	switch a {
	case Install:
		return []Line{line("get-upgrades"), started(line("upgrade", "start"), "--revision", t.Revision)}, nil
	case Complete:
		return []Line{started(line("upgrade", "complete"), "--yes")}, nil
	case Rollback:
		return []Line{started(line("upgrade", "rollback"), "--yes")}, nil
	default:
		return nil, fmt.Errorf("AKS removes revision %s only at the end of an upgrade: if the upgrade left it, type `%s`, if the upgrade was to it, `%s`",
			t.Revision, line("upgrade", "complete"), line("upgrade", "rollback"))
	}
}

// The variables by which a command of the user's own learns what is asked of it.
const (
	// RevisionVariable holds the revision that is to be installed, or uninstalled.
	RevisionVariable = "KUBECTL_MESH_REVISION"
	// OtherVariable holds the upgrade's other revision, which stays, empty outside of an upgrade.
	OtherVariable = "KUBECTL_MESH_OTHER_REVISION"
	// IstioNamespaceVariable holds Istio's namespace.
	IstioNamespaceVariable = "KUBECTL_MESH_ISTIO_NAMESPACE"
	// ActionVariable holds the action: install, complete, rollback or uninstall.
	ActionVariable = "KUBECTL_MESH_ACTION"
	// ContextVariable holds the context of the kubeconfig, empty for its current one: kubectl has no variable for that.
	ContextVariable = "KUBECTL_MESH_CONTEXT"
	// kubeconfigVariable is kubectl's own.
	kubeconfigVariable = "KUBECONFIG"
)

func env(a Action, t Target) []string {
	return []string{
		ActionVariable + "=" + string(a), RevisionVariable + "=" + t.Revision, OtherVariable + "=" + t.Other,
		IstioNamespaceVariable + "=" + t.IstioNamespace,
	}
}

func connection(t Target) []string {
	variables := []string{ContextVariable + "=" + t.Context}
	if t.Kubeconfig != "" {
		variables = append(variables, kubeconfigVariable+"="+t.Kubeconfig)
	}
	return variables
}
