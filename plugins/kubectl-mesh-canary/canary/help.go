package canary

const long = `Take a mesh from one revision of Istio to another, forward or back.

See what may be moved to (revisions), and what stands in the way (check). Record
what there is and move the first namespaces (start), then more of them
(advance), and see how far it is (status). In the end, finish (complete), or go
back (rollback), which can be done at every point. Then remove the revision that
nothing needs any more (retire).

What was changed is recorded in the cluster. After an interruption any machine
can go on: type the same command again.`

const example = `  # What is installed, and what may be moved to
  kubectl mesh-canary revisions

  # An upgrade, from beginning to end
  kubectl mesh-canary check --to 1-23
  kubectl mesh-canary start --to 1-23 shop
  kubectl mesh-canary advance --all
  kubectl mesh-canary complete
  kubectl mesh-canary retire 1-22 --run

  # How far it is, and what to type next
  kubectl mesh-canary status

  # Everything as it was before
  kubectl mesh-canary rollback`

const tagLong = `Show and change revision tags: names for revisions that namespaces follow by
their label istio.io/rev. The tag default is the one that
istio-injection=enabled follows.

istioctl and this command read each other's tags without a difference. Here a
tag is moved so that it never stands for two revisions at once, and nobody is
without an injector on the way.`

const tagExample = `  # Who follows which tag
  kubectl mesh-canary tag list

  # What would change if a tag moved, and then move it
  kubectl mesh-canary tag set prod-stable --revision 1-23 --dry-run=client
  kubectl mesh-canary tag set prod-stable --revision 1-23`

const tagListLong = `Show what every revision tag stands for, and who follows it: namespaces by their
label istio.io/rev, by istio-injection=enabled or by the labels of pods in them,
and the Gateways that istiod manages.

A tag is conflicting where its webhook configuration and its Service differ,
dangling where its revision is not installed, and half where it has no webhook
configuration. A tag without a Service is what releases before Istio 1.28 made;
it is whole.

Exit code: 0 done; 1 an error, or an answer that is incomplete; 124 --timeout is
over; 130 interrupted.`

const tagListExample = `  # All tags of the cluster
  kubectl mesh-canary tag list

  # With the objects that they are made of, and what is wrong with them
  kubectl mesh-canary tag list -o wide

  # For a script
  kubectl mesh-canary tag list -o json |
    jq -r '.items[] | select(.state != "whole") | .tag'`

const tagSetLong = `Create a revision tag, or move it to another revision.

Before anything is changed it is said what the change moves: namespaces, the
pods that their next restart moves, and the Gateways that istiod rolls out anew
at once; then it is asked. Labels alone change nothing that runs: restart the
pods with kubectl mesh-reinject.

The tag default over an installation without a revision: that injector is
switched off last, once a dry run of a pod has shown that the new one injects;
kubectl mesh-canary tag remove default switches it on again first.

Running the command again after an interruption goes on where it stopped. If
somebody else moves the tag meanwhile, it ends and leaves the tag to them.

Exit code: 0 done; 1 an error, the answer was no, or what follows the tag may
not all be read; 124 --timeout is over; 130 interrupted.`

const tagSetExample = `  # A tag for what runs now, and one for what comes
  kubectl mesh-canary tag set prod-stable --revision 1-22
  kubectl mesh-canary tag set prod-canary --revision 1-23

  # What would change if it moved
  kubectl mesh-canary tag set prod-stable --revision 1-23 --dry-run=client

  # Move it without being asked
  kubectl mesh-canary tag set prod-stable --revision 1-23 --yes

  # What istio-injection=enabled follows
  kubectl mesh-canary tag set default --revision 1-23`

const tagRemoveLong = `Remove a revision tag. Before, it is said who still follows it and would not be
injected any more; then it is asked.

Exit code: 0 done; 1 an error, the answer was no, or what follows the tag may
not all be read; 124 --timeout is over; 130 interrupted.`

const tagRemoveExample = `  # Remove a tag
  kubectl mesh-canary tag remove prod-canary

  # Who would lose what
  kubectl mesh-canary tag remove prod-canary --dry-run=client -o yaml`

const tagGenerateLong = `Print the objects of a revision tag, to be applied by other means. Nothing is
changed.

Applied over a tag that exists, they move it in the order of the file, which
leaves a moment with two revisions that claim the tag;
kubectl mesh-canary tag set does not.`

const tagGenerateExample = `  # For a repository
  kubectl mesh-canary tag generate prod-stable --revision 1-22 > tag.yaml

  # Apply at once
  kubectl mesh-canary tag generate prod --revision 1-22 | kubectl apply -f -`

const retireLong = `Say whether a revision may be removed: which tags, namespaces, pods, gateways,
templates of CronJobs and of workloads without pods still need it, and which
proxies are connected to its istiod, with what to type about each.

With --run, and if nothing needs it, the revision is uninstalled by istioctl, or
by the tool that --uninstall names; one that came from Helm or AKS is not
uninstalled without it. Then what the tool has left of the revision's
configuration is shown, and deleted once you say yes. Run again after an
interruption, it goes on where it stopped. AKS removes a revision only at the
end of an upgrade, so that there the upgrade must be recorded as completed or
rolled back.
` + toolHelp + `

Exit code: 0 done; 1 an error, an answer that is incomplete, or, with --run, a
revision that is needed; 2 with --exit-code, if it is needed; 124 --timeout is
over; 130 interrupted.`

const retireExample = `  # What still needs revision 1-22
  kubectl mesh-canary retire 1-22

  # How, in words
  kubectl mesh-canary retire 1-22 -o wide

  # Uninstall it with istioctl, if nothing needs it
  kubectl mesh-canary retire 1-22 --run

  # With a command of your own
  kubectl mesh-canary retire 1-22 --run \
    --uninstall 'helm uninstall istiod-1-22 -n istio-system'`
