package proxyver

const long = `Show for every pod which Istio proxy it runs, and which it would run if it were
created now.

What would run is worked out as the cluster itself would: the webhooks'
selectors say which control plane is asked, through which revision tag, and that
control plane's configuration says whether it injects and which image. Native
sidecars, gateways, waypoints, ztunnel and the CNI agent are covered. Only reads
are sent, and with --verify dry runs; nothing is changed.

Status, the first that fits:
  unknown      what injection would do cannot be told; the reason says what
               is missing
  missing      injection would add a proxy, the pod has none
  orphaned     no injector bears the proxy's revision any more
  unexpected   has a proxy, injection would add none today
  outdated     the version is lower than what would be injected
  ahead        the version is higher than what would be injected
  mismatched   same or incomparable version; image, variant, digest or revision
               differ
  current      runs what injection would give it today
  none         no proxy, and none expected; shown with --all

Verified, with --verify: what the real injector answers for the workload's
template as it is now
  yes          what is predicted for the pod
  no           something else
  rollout      what is predicted for the template; the pod is of another one
  refused      no pod would be created, or the injector could not be asked
  unknown      the answer is there, the prediction is not

Exit code: 0 done; 1 an error, or an answer that is incomplete (some pod is
unknown), or under --verify a disagreement or a workload that could not be
verified; 2 findings, under --exit-code only; 130 interrupted.`

const example = `  # Every workload of the mesh: what runs, and what would run
  kubectl mesh-proxyver -A

  # Why? The reason in words, images, nodes and tags
  kubectl mesh-proxyver -A -o wide

  # The pods of one workload
  kubectl mesh-proxyver deployment/cart -n shop --by pod

  # How far is the upgrade? Pods per version, per revision, per namespace
  kubectl mesh-proxyver -A --by version
  kubectl mesh-proxyver -A --by revision

  # In a pipeline: fail while any pod is stale or has lost its proxy
  kubectl mesh-proxyver -A --exit-code=outdated,ahead,mismatched,missing

  # Keep it up to date while the upgrade runs
  kubectl mesh-proxyver -A -w

  # Ask the real injector too, by a dry run of each workload, and show where it
  # disagrees
  kubectl mesh-proxyver -n shop --verify

  # Offline, from a dump; leave out the kinds that the cluster does not have
  kubectl get mutatingwebhookconfigurations,namespaces,configmaps,services,proxyconfigs,gateways.gateway.networking.k8s.io,replicasets,deployments,daemonsets,statefulsets,replicationcontrollers,jobs,pods -A -o json > dump.json
  kubectl mesh-proxyver -f dump.json

  # Columns and order of one's own
  kubectl mesh-proxyver -A --sort-by=.proxy.version \
    -o custom-columns=POD:.pod,RUNS:.proxy.version,WANTS:.expected.version

  # Names of all outdated pods, from the report for machines
  kubectl mesh-proxyver -A -o json |
    jq -r '.items[] | select(.status == "outdated") | .namespace + "/" + .pod'`
