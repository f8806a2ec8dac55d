package rollout

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Pod is what restarting needs to know of one pod.
type Pod struct {
	Namespace, Name string
	UID             types.UID
	Created         time.Time
	// Controller is the owner that manages it, nil for a bare pod.
	Controller *metav1.OwnerReference
	// Hash is the label controller-revision-hash.
	Hash string
	// Ready is true once it serves. Terminating pods have been deleted and are not gone yet, terminal ones have ended.
	Ready, Terminating, Terminal bool
	// Image and Revision are those of its proxy, empty where it has none.
	Image, Revision string
	Trouble         Trouble
}

// PodOf keeps of a pod what restarting needs to know.
func PodOf(pod *corev1.Pod) Pod {
	p := proxy.FromPod(pod)
	slim := Pod{
		Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Created: pod.CreationTimestamp.Time,
		Hash: pod.Labels[appsv1.ControllerRevisionHashLabelKey], Ready: p.Ready, Terminating: p.Terminating, Terminal: p.Terminal(),
	}
	if c := metav1.GetControllerOfNoCopy(pod); c != nil {
		slim.Controller = &metav1.OwnerReference{APIVersion: c.APIVersion, Kind: c.Kind, Name: c.Name, UID: c.UID}
	}
	if p.HasProxy() {
		slim.Image, slim.Revision = p.Container.Image, p.Revision()
	}
	if !slim.Ready {
		slim.Trouble = troubleOf(pod)
	}
	return slim
}

// Live says whether it is one of the pods that its controller counts.
func (p Pod) Live() bool { return !p.Terminating && !p.Terminal }

// Ordinal returns the number at the end of a StatefulSet's pod's name, and false for other names.
func (p Pod) Ordinal() (int, bool) {
	i := strings.LastIndexByte(p.Name, '-')
	n, err := strconv.Atoi(p.Name[i+1:])
	return n, err == nil && n >= 0
}

// Trouble is why a pod is not ready.
type Trouble struct {
	// Fatal is true for what does not pass by itself.
	Fatal bool
	// Text says it in words, with the message of the kubelet; empty for a pod that simply takes its time.
	Text string
}

// Reasons for which a container waits. Sources: k8s.io/kubernetes/pkg/kubelet/images, .../kubelet/kuberuntime.
var (
	hopeless = []string{"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"}
	hopeful  = []string{"ErrImagePull", "CreateContainerError", "RunContainerError", "RegistryUnavailable", "ImageInspectError"}
)

const (
	crashLoop = "CrashLoopBackOff"
	// tries is how many restarts make a loop of crashes: an application may well crash once because its proxy was not ready.
	tries = 2
)

// troubleOf looks at a pod that is not ready. What does not pass comes first.
func troubleOf(pod *corev1.Pod) Trouble {
	var found []Trouble
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if t := containerTrouble(&statuses[i]); t.Text != "" {
				found = append(found, t)
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			found = append(found, Trouble{Text: said(c.Reason, c.Message)})
		}
	}
	if len(found) == 0 {
		return Trouble{}
	}
	fatalFirst := func(a, b Trouble) int {
		switch {
		case a.Fatal == b.Fatal:
			return 0
		case a.Fatal:
			return -1
		default:
			return 1
		}
	}
	slices.SortStableFunc(found, fatalFirst)
	return found[0]
}

func containerTrouble(c *corev1.ContainerStatus) Trouble {
	waiting := c.State.Waiting
	if waiting == nil {
		return Trouble{}
	}
	what := "container " + c.Name + ": "
	switch {
	case waiting.Reason == crashLoop:
		return Trouble{Fatal: c.RestartCount >= tries, Text: what + said(crashLoop, cmp.Or(lastWords(c), waiting.Message))}
	case slices.Contains(hopeless, waiting.Reason):
		return Trouble{Fatal: true, Text: what + said(waiting.Reason, waiting.Message)}
	case slices.Contains(hopeful, waiting.Reason):
		return Trouble{Text: what + said(waiting.Reason, waiting.Message)}
	default:
		return Trouble{}
	}
}

// lastWords says how a container ended that crashes again and again.
func lastWords(c *corev1.ContainerStatus) string {
	ended := c.LastTerminationState.Terminated
	if ended == nil {
		return ""
	}
	text := "exit code " + strconv.Itoa(int(ended.ExitCode))
	if ended.Reason != "" && ended.Reason != "Error" {
		text += " (" + ended.Reason + ")"
	}
	if ended.Message != "" {
		text += ": " + strings.TrimSpace(ended.Message)
	}
	return text
}

// said joins a reason and a message for a sentence, on one line.
func said(reason, message string) string {
	message = strings.Join(strings.Fields(message), " ")
	switch {
	case message == "":
		return reason
	case reason == "":
		return message
	default:
		return reason + ": " + message
	}
}
