package cli

const about = `A real Kubernetes with real Istio on this machine, without containers.

etcd, the API server, the controllers, the scheduler and one istiod for each revision are real processes; kwok plays
the kubelets. Several labs run side by side, one for each state directory.

Annotations of a pod (of a pod template) change what becomes of it:

  lab.mesh.kubectl.dev/ready-delay: "5s"      it becomes ready after this time
  lab.mesh.kubectl.dev/ready-never: "true"    it runs and never becomes ready
  lab.mesh.kubectl.dev/fail: crash-loop       its containers crash
  lab.mesh.kubectl.dev/fail: image-pull       its images cannot be pulled
  lab.mesh.kubectl.dev/fail-container: NAME   only this container fails, istio-proxy for example
  lab.mesh.kubectl.dev/when-image: TEXT       the above only where an image contains the text, ":1.23." for example
  lab.mesh.kubectl.dev/delete-delay: "2s"     asked to go, it takes this time
  lab.mesh.kubectl.dev/run: forever           a Job's pod does not complete`

const upLong = `Start a lab and return when it is ready. It runs in the background until "lab down".

The first time, the programs are built, which takes about ten minutes on two cores.`

const upExample = `  lab up
  lab up --revisions 1-22,1-23,1-24
  lab up --revisions "" --foreground`

const istioExample = `  lab istio 1-24
  lab istio default --tag 1.24.1
  lab istio asm-1-22 --tag 1.22.0-distroless --namespace aks-istio-system --hub mcr.microsoft.com/oss/istio`

const serveLong = `Answer HTTP requests on loopback: 200 while the Service has a ready address, else 503. The address to ask is printed
once it answers. The Service's EndpointSlices are followed, so that an answer is as old as a watch's event.`

const upNext = `
The lab is ready. Next:
  eval "$(%[1]s env)"            use it in this shell
  %[1]s kubectl get pods -A
  %[1]s status
  %[1]s down
`
