package canary

// toolHelp says how a tool of the user's own is run.
const toolHelp = `A command of your own is run as it is written, without a shell. It finds in
KUBECTL_MESH_ACTION what is asked of it: install, or to uninstall what an
upgrade has left (complete), what it was rolled back from (rollback), or another
revision (uninstall); in KUBECTL_MESH_REVISION the revision that is to be
installed or uninstalled, in KUBECTL_MESH_OTHER_REVISION the upgrade's other
one, in KUBECTL_MESH_ISTIO_NAMESPACE Istio's namespace, and in KUBECONFIG and
KUBECTL_MESH_CONTEXT what --kubeconfig and --context say, if they do.`

const startLong = `Record what there is, and move the first namespaces to another revision.

The record is a ConfigMap in Istio's namespace: every label and tag that the
upgrade changes, as it was. So any machine can go on with it, and
kubectl mesh-canary rollback can put everything back. With no namespaces named,
everything is recorded and prepared, and nothing moves yet. Before, it is looked
for what stands in the way, as by kubectl mesh-canary check: an error there ends
the command.

Each namespace is labelled with the new revision, or with the canary tag where
one is named, and its workloads are restarted in waves as by
kubectl mesh-reinject, whose flags hold here too. The command has succeeded once
the pods are seen on the new revision.

With --install, your own tool brings the new revision up first: istioctl, the
Azure CLI, or any command.
` + toolHelp + `

With --min-replicas, both control planes and their gateways have at least so
many replicas until the upgrade is completed or rolled back.

Running the command again after an interruption goes on where it stopped. A
Lease keeps others out meanwhile. With --dry-run=client nothing is changed;
-o yaml then prints every object that would be written, for a GitOps repository.

Exit code: 0 done; 1 an error, or the answer was no; 124 --timeout is over; 130
interrupted.`

const startExample = `  # Record what there is, and move nothing yet
  kubectl mesh-canary start --to 1-23

  # Move a namespace
  kubectl mesh-canary start --to 1-23 shop

  # Have what moves follow a tag of its own
  kubectl mesh-canary start --to 1-23 --stable-tag prod-stable \
    --canary-tag prod-canary shop

  # Have istioctl install the revision first
  kubectl mesh-canary start --to 1-23 --install "istioctl --set tag=1.23.0" shop

  # On AKS, where the add-on has two replicas of everything meanwhile
  kubectl mesh-canary start --to asm-1-23 --install aks \
    --aks-resource-group rg --aks-name prod --min-replicas 2 shop

  # What would be done
  kubectl mesh-canary start --to 1-23 --dry-run=client shop

  # Move what bears a label, gently, and stop when more than 1 % of the requests
  # fail
  kubectl mesh-canary start --to 1-23 -l stage=canary --max-parallel 2 \
    --probe https://shop.example.com/healthz --probe-max-error-rate 1%`

const advanceLong = `Move more namespaces to the new revision, as kubectl mesh-canary start has moved
the first.

Exit code: 0 done; 1 an error, or the answer was no; 124 --timeout is over; 130
interrupted.`

const advanceExample = `  # One more namespace
  kubectl mesh-canary advance bank

  # All that are left
  kubectl mesh-canary advance --all`

const statusLong = `Show how far the upgrade is: its phase; both control planes; the gateways of
both revisions, and whether their Services are reached at the addresses of when
the upgrade started; for each namespace its label, what that leads to, how many
of its pods are on the new revision and how many are ready; and what to type
next.

  STATE              the namespace
  to move            follows the old revision, and was not moved yet
  moving             was given its new label; not all of its pods were seen
                     on the new revision yet
  moved              was seen on the new revision
  labels put back    was moved, and somebody, such as a GitOps controller, has
                     put its labels back
  changed by others  has labels that the upgrade has not made; they are left as
                     they are
  by another tag     follows the old revision by a tag that the upgrade does not
                     move
  pods left          is none of the upgrade's, and has pods on the old revision;
                     complete restarts them
  moving back        is to be as it was, and is not yet
  as it was          has its labels and its revision back
  not moved          follows the old revision, though the upgrade is completed
  gone               was deleted meanwhile

What may not be read is shown as unknown and named in a warning, and the exit
code is 1. -w keeps the answer up to date while other commands work; pods are
watched for that, the rest is read again every few seconds. -o yaml prints the
whole record, and --restore gives it back should the ConfigMap be lost.

Exit code: 0 done; 1 an error, or an answer that is incomplete; 124 --timeout is
over; 130 interrupted.`

const statusExample = `  # How far is it
  kubectl mesh-canary status

  # Follow what another command does
  kubectl mesh-canary status -w

  # For a script: the phase
  kubectl mesh-canary status -o jsonpath='{.phase}'

  # Keep the record somewhere else too
  kubectl mesh-canary status -o yaml > upgrade.yaml

  # Give it back
  kubectl mesh-canary status --restore upgrade.yaml`

const completeLong = `Move the rest to the new revision, and everything back to its own label.

Namespaces that were begun with, and have their new label, come first: as long
as pods of one are left on the old revision, no tag and nothing else is moved.

Then the tags that namespaces follow move to the new revision, and the default
tag too if it stood for the old one. The namespaces that were moved get back the
labels that they had, those that name the old revision itself get the new one,
and whatever still runs the old revision is restarted. Once nothing does, the
canary tag goes if the upgrade has made it, and replicas that were raised are
put back.

A workload or Gateway that names the old revision by a label of its own stands
in the way, and is told with what to type. With --uninstall, the old revision is
uninstalled at the end, if nothing needs it.
` + toolHelp + `

Until the old revision is uninstalled, kubectl mesh-canary rollback still goes
back.

Exit code: 0 done; 1 an error, or the answer was no; 124 --timeout is over; 130
interrupted.`

const completeExample = `  # Finish the upgrade
  kubectl mesh-canary complete

  # Without being asked, two workloads at a time
  kubectl mesh-canary complete --yes --max-parallel 2

  # What would be done, and every object as it would be, for a GitOps repository
  kubectl mesh-canary complete --dry-run=client
  kubectl mesh-canary complete --dry-run=client -o yaml

  # And uninstall the old revision
  kubectl mesh-canary complete --uninstall istioctl`

const rollbackLong = `Put back what was before the upgrade, field by field, and move every pod back.

Tags come first, so that whatever is created from then on is injected as before;
then labels, then the pods, and last the tags go that the upgrade has made. It
works from every point, also from an upgrade that is complete, until the old
revision is uninstalled.

What somebody else has changed meanwhile is theirs: it is left as it is and
named, and the exit code is 1.

With --uninstall, the new revision is uninstalled at the end, if nothing
needs it.
` + toolHelp + `

Exit code: 0 done; 1 an error, or the answer was no, or something was left; 124
--timeout is over; 130 interrupted.`

const rollbackExample = `  # Go back
  kubectl mesh-canary rollback

  # Go back at once: everything restarts at the same time
  kubectl mesh-canary rollback --yes --max-parallel 100`
