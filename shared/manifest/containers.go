package manifest

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// restoreContainers takes out the containers that injection added, and puts back those that it changed, in their place.
func restoreContainers(spec *corev1.PodSpec, status added, own overrides) {
	own = asWritten(own)
	spec.Containers = restored(spec.Containers, status.Containers, own.Containers)
	spec.InitContainers = restored(spec.InitContainers, status.InitContainers, own.InitContainers)
}

// asWritten undoes what injection does to the template's own containers before it keeps them: it drops the image
// `auto`, and takes a proxy that is to be a native sidecar for an init container wherever the template has it. One that
// the template itself has as a native sidecar says restartPolicy Always. Source: reapplyOverwrittenContainers in
// istio.io/istio/pkg/kube/inject.
func asWritten(own overrides) overrides {
	var o overrides
	for _, c := range own.Containers {
		o.Containers = append(o.Containers, automatic(c))
	}
	for _, c := range own.InitContainers {
		if c.Name == proxy.ContainerName && c.RestartPolicy == nil {
			o.Containers = append(o.Containers, automatic(c))
		} else {
			o.InitContainers = append(o.InitContainers, automatic(c))
		}
	}
	return o
}

func automatic(c corev1.Container) corev1.Container {
	if c.Image == "" {
		c.Image = proxy.AutoImage
	}
	return c
}

// restored returns the containers without those that were added. One that the pod had before stands where it is, or at
// the end where injection moved it to the other list.
func restored(containers []corev1.Container, added []string, own []corev1.Container) []corev1.Container {
	var out []corev1.Container
	for _, c := range containers {
		switch i := slices.IndexFunc(own, func(o corev1.Container) bool { return o.Name == c.Name }); {
		case i >= 0:
			out = append(out, own[i])
			own = slices.Delete(own, i, i+1)
		case !slices.Contains(added, c.Name):
			out = append(out, c)
		}
	}
	return append(out, own...)
}

// removeVolumes takes out the named volumes, but for those that what is left still mounts: the pod had them too.
func removeVolumes(spec *corev1.PodSpec, added []string) {
	mounted := map[string]bool{}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
		}
	}
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool {
		return slices.Contains(added, v.Name) && !mounted[v.Name]
	})
}

func removePullSecrets(spec *corev1.PodSpec, added []string) {
	spec.ImagePullSecrets = slices.DeleteFunc(spec.ImagePullSecrets, func(s corev1.LocalObjectReference) bool {
		return slices.Contains(added, s.Name)
	})
}

// proxyEnvironment returns the plain variables of the pod's proxy.
func proxyEnvironment(p *corev1.Pod) map[string]string {
	env := map[string]string{}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		if c.Name != proxy.ContainerName {
			continue
		}
		for _, v := range c.Env {
			env[v.Name] = v.Value
		}
	}
	return env
}
