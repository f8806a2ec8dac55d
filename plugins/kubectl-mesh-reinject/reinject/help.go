package reinject

const long = `Restart the workloads whose pods run another proxy than they would get if they
were created now, and prove by the pods themselves that it worked. What is
current is left alone. Running the command again after an interruption goes on
where it stopped.

A workload has its turn if it has a pod that is outdated, ahead, mismatched or
orphaned, as kubectl mesh-proxyver shows it. Just before it is restarted its own
template is put to the real injector by a dry run: where that fails, or gives
what already runs, it is left alone. A workload that is being rolled out already
is waited for. Done is what is ready and runs the expected revision and image.

How, with --method auto:
  Deployment, DaemonSet, StatefulSet   the restartedAt annotation of the pod
                                       template
  with update strategy OnDelete, and   eviction of one pod at a time, honouring
  ReplicaSets, ReplicationControllers  PodDisruptionBudgets
  pods that a partition holds back     eviction, with --include-partitioned
  Argo Rollout                         spec.restartAt
  Recreate                             skipped, or restarted with
                                       --allow-downtime
  controllers of unknown kinds         skipped, or evicted with
                                       --include-unknown
  bare pods                            skipped, or recreated with
                                       --bare-pods=recreate
  Jobs, CronJobs                       never
  paused Deployments, hand-injected    skipped; the plan says what to type
  templates, Gateway API gateways

A workload whose label names a revision or tag that does not exist is always
skipped: it would lose its proxy. On a failure nothing more is begun, what is
under way is awaited, and the exit code is 1. Ctrl-C does the same and exits
with 130; pressed twice, it ends at once.

Exit code: 0 done; 1 an error, a workload that failed or was refused, or an
answer that is incomplete; 2 workloads that are still stale, under --exit-code
only; 124 --timeout is over; 130 interrupted.`

const example = `  # What would be done in all namespaces, in which order, and how long it may
  # take
  kubectl mesh-reinject -A --dry-run=client

  # One namespace, one workload
  kubectl mesh-reinject -n shop
  kubectl mesh-reinject deployment/cart -n shop

  # The whole mesh: three canaries first, then namespace by namespace with a
  # minute in between
  kubectl mesh-reinject -A --canary 3 --pause 1m

  # Gently: one workload and 60 pods a minute, and stop when more than 1 % of
  # the requests fail
  kubectl mesh-reinject -A --max-parallel 1 --pods-per-minute 60 \
    --probe https://shop.example.com/healthz --probe-max-error-rate 1%

  # Without downtime for Deployments of one replica
  kubectl mesh-reinject -n shop --surge-singletons

  # Pods that have no proxy yet, after a namespace was labelled
  kubectl mesh-reinject -n shop --include missing

  # By raising the grace period, as some guides do; by eviction
  kubectl mesh-reinject -n shop --method grace-period
  kubectl mesh-reinject statefulset/orders -n shop --method evict

  # For a change ticket, and for a script
  kubectl mesh-reinject -A --yes --report change-47.md --report change-47.json
  kubectl mesh-reinject -A --yes -o json | jq .summary`
