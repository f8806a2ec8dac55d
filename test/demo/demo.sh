#!/usr/bin/env bash
# From nothing to an answer: a real Kubernetes and a real Istio on this machine, a mesh in the middle of an upgrade, what
# `kubectl mesh-proxyver` says of it, and `kubectl mesh-reinject` to finish it; then the whole upgrade with
# `kubectl mesh-canary`. KEEP=1 leaves the lab running.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=$PWD/bin
LAB_DIR=${LAB_DIR:-$PWD/.lab}
export LAB_DIR

say() { printf '\n# %s\n' "$*"; }
# show prints a command as a user would type it, and runs it.
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}
# quietly runs a command of the stage hands: its output is shown only if it fails.
quietly() {
  local out
  out=$("$@" 2>&1) || { printf '%s\n' "$out" >&2; return 1; }
}

leave() {
  if [ "${KEEP:-}" = 1 ]; then
    say "The lab stays. Look further with: eval \"\$(bin/lab env)\" && export PATH=\"$bin:\$PATH\"; end it with: make lab-down"
  else
    say "Stopping the lab (KEEP=1 make demo leaves it running)"
    "$bin/lab" down
  fi
}
say "Starting real etcd, kube-apiserver, controllers and kwok, and two revisions of Istio"
"$bin/lab" up --revisions 1-22,1-23
# Only now: a lab that was running here before is not this script's to stop.
trap leave EXIT
eval "$("$bin/lab" env)"
export PATH="$bin:$PATH"

say "A stable tag on the old revision, a canary tag on the new; a third revision, soon to be gone"
quietly "$bin/lab" istio 1-21 --tag 1.21.0
quietly istioctl tag set prod-stable --revision 1-22
quietly istioctl tag set prod-canary --revision 1-23

say "Workloads of every kind, injected by the real istiods"
quietly kubectl apply -f test/demo/zoo.yaml
for namespace in shop payments ingress mistyped forgotten attic; do
  quietly kubectl wait -n "$namespace" --for=create pod --all --timeout=60s
  for workload in $(kubectl get deployments,statefulsets,daemonsets -n "$namespace" -o name); do
    quietly kubectl rollout status -n "$namespace" "$workload" --timeout=60s
  done
  quietly kubectl wait -n "$namespace" --for=condition=Ready pod --all --timeout=60s
done
quietly kubectl rollout status -n ingress deployment/public-istio --timeout=60s

say "What happens to every mesh: a tag moves, a label is mistyped, another comes late, a revision is uninstalled"
quietly istioctl tag set prod-stable --revision 1-23 --overwrite -y
quietly kubectl label namespace mistyped istio.io/rev=prod-stabel --overwrite
quietly kubectl label namespace forgotten istio.io/rev=prod-canary
quietly kubectl label namespace attic istio.io/rev=1-23 --overwrite
quietly istioctl uninstall --revision 1-21 -y

say "Which proxies run, and which would run if the pods were created now?"
show kubectl mesh-proxyver -A
say "How far is the upgrade?"
show kubectl mesh-proxyver -A --by version
show kubectl mesh-proxyver -A --by revision
say "Why? In words, for one workload"
show kubectl mesh-proxyver deployment/api -n mistyped -o wide
say "Pod by pod; cart has old-style sidecars"
show kubectl mesh-proxyver deployment/cart deployment/web -n shop --by pod
say "For machines: a count, and an exit code"
show kubectl mesh-proxyver -A -o 'jsonpath={.summary.byStatus}'
printf '\n'
code=0
show kubectl mesh-proxyver -n payments --exit-code=outdated,missing || code=$?
printf '(exit code %s)\n' "$code"
code=0
show kubectl mesh-proxyver -n shop --exit-code=outdated,missing || code=$?
printf '(exit code %s: something is to be done)\n' "$code"
say "Is the prediction right? Ask the real injector, by a dry run of each workload"
show kubectl mesh-proxyver -n shop --verify 2>&1
say "Offline: the same answer from a dump"
dump=$(mktemp -d)
kinds=mutatingwebhookconfigurations,namespaces,configmaps,services,proxyconfigs,gateways.gateway.networking.k8s.io,replicasets,deployments,daemonsets,statefulsets,replicationcontrollers,jobs,pods
printf '\n$ kubectl get %s -A -o json > dump.json\n' "$kinds"
(
  cd "$dump"
  kubectl get "$kinds" -A -o json > dump.json
  show kubectl mesh-proxyver -f dump.json --by revision
) 2>&1
say "Live: the mistyped label is mended while we watch"
kubectl mesh-proxyver -n mistyped -w > "$dump/watched" &
watching=$!
# lines waits until the watch has printed that many.
lines() {
  for _ in $(seq 300); do
    [ "$(wc -l < "$dump/watched")" -lt "$1" ] || return 0
    sleep 0.1
  done
  echo "the watch printed:" >&2
  cat "$dump/watched" >&2
  return 1
}
lines 2
quietly kubectl label namespace mistyped istio.io/rev=prod-canary --overwrite
lines 3
kill -INT "$watching"
wait "$watching" 2>/dev/null || true
printf '\n$ kubectl mesh-proxyver -n mistyped -w\n'
cat "$dump/watched"

say "Restart what is stale. What would be done, in which order, and what not?"
show kubectl mesh-reinject -A --include missing --dry-run=client
say "Do it, while a probe asks every fifth of a second whether web serves"
"$bin/lab" serve --namespace shop --service web > "$dump/address" &
serving=$!
for _ in $(seq 300); do
  [ ! -s "$dump/address" ] || break
  sleep 0.1
done
probe=$(head -n 1 "$dump/address")
(
  cd "$dump"
  show kubectl mesh-reinject -A --include missing --yes --probe "$probe" --probe-interval 200ms --probe-max-error-rate 0 --report report.md
  printf '\n$ sed -n "/^## Probes/,\$p" report.md\n'
  sed -n '/^## Probes/,$p' report.md
)
show kubectl mesh-proxyver -A
say "Second thoughts: the tag goes back, and the shop follows"
show istioctl tag set prod-stable --revision 1-22 --overwrite -y
show kubectl mesh-reinject -n shop --dry-run=client
show kubectl mesh-reinject -n shop --bare-pods=recreate --probe "$probe" --probe-max-error-rate 0
show kubectl mesh-proxyver -n shop

say "The same as one upgrade, which the cluster remembers. What is installed, and where may one go?"
quietly kubectl delete job import -n shop
show kubectl mesh-canary revisions
say "What stands in the way?"
show kubectl mesh-canary check --from 1-22 --to 1-23
canary() {
  show kubectl mesh-canary "$@" --max-parallel 1 --probe "$probe" --probe-interval 200ms --probe-max-error-rate 0 2>&1
}
say "One namespace first, while a probe asks whether web serves"
canary start --from 1-22 --to 1-23 --bare-pods=recreate shop
show kubectl mesh-canary status 2>&1
say "Second thoughts: everything goes back to what it was"
canary rollback --bare-pods=recreate
say "Start again, go on, and finish"
canary start --from 1-22 --to 1-23 --bare-pods=recreate shop
canary advance payments
canary complete --yes --bare-pods=recreate
show kubectl mesh-canary status 2>&1
say "Is the old revision still needed?"
show kubectl mesh-canary retire 1-22 2>&1
show kubectl mesh-proxyver -A
kill -INT "$serving"
wait "$serving" 2>/dev/null || true
rm -r "$dump"
