package istio

// Args returns the arguments of the istioctl that installs it.
func (i Install) Args() []string {
	id := i.ID()
	args := []string{"install", "-y", "--istioNamespace", id.Namespace, "--set", "profile=minimal",
		"--set", "hub=" + i.hub(), "--set", "tag=" + i.Tag}
	if id.Revision != defaultRevision {
		args = append(args, "--revision", id.Revision)
	}
	args = append(args, id.owner()...)
	for _, s := range i.Set {
		args = append(args, "--set", s)
	}
	return args
}

// UninstallArgs returns the arguments of the istioctl that removes the revision.
func (id ID) UninstallArgs() []string {
	return append([]string{"uninstall", "-y", "--istioNamespace", id.Namespace, "--revision", id.Revision}, id.owner()...)
}

// owner is by what istioctl labels what it creates, and finds it again when it uninstalls; its --istioNamespace flag
// does neither.
func (id ID) owner() []string {
	if id.Namespace == DefaultNamespace {
		return nil
	}
	return []string{"--set", "values.global.istioNamespace=" + id.Namespace}
}

// Proxy returns the image of the sidecars it injects.
func (i Install) Proxy() string { return i.hub() + "/proxyv2:" + i.Tag }

func (i Install) hub() string {
	if i.Hub == "" {
		return DefaultHub
	}
	return i.Hub
}
