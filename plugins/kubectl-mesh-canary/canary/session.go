package canary

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/lease"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// session is what a command works with: one mesh, its record, and what is seen of it.
type session struct {
	clients   *cluster.Clients
	host      string
	namespace string
	tags      *tag.Objects
	store     *upgradestore.Store
	hands     *upgradehands.Hands
	// upgrade is the record, nil where there is none.
	upgrade *v1alpha1.CanaryUpgrade
	seen    upgrade.Seen
	// held says whether the Lease is still this process's. Clients ask it before each change; what else changes anything has to ask
	// itself. Without a Lease it is nil.
	held func(context.Context) error
	// coming is a revision that is about to be installed, empty for none.
	coming string
}

// installed says whether a revision has an injector of its own in this mesh, or is about to.
func (s *session) installed(rev string) bool {
	return rev != "" && rev == s.coming || s.runs(rev)
}

// runs says whether a revision has an injector of its own in this mesh.
func (s *session) runs(rev string) bool { return slices.Contains(s.tags.Revisions(s.namespace), rev) }

// remaining are the namespaces that are to be moved: those that the upgrade is about and that are not recorded yet, and those whose labels
// somebody has put back.
func (s *session) remaining() []string {
	if s.upgrade == nil {
		return nil
	}
	return append(upgrade.Undone(s.upgrade, s.seen), upgrade.Concerned(s.upgrade, s.seen, s.installed)...)
}

// next is what to type next, and why; no arguments where nothing is left to do.
func (s *session) next() (arguments, why string) {
	return upgrade.Next(upgrade.Present(s.upgrade, s.seen), s.remaining(), s.installed)
}

// under returns an error unless an upgrade is under way, in one of the phases.
func (s *session) under(phases ...v1alpha1.Phase) error {
	if s.upgrade == nil {
		return fmt.Errorf("no upgrade is started in the mesh of namespace %s: see `kubectl mesh-canary start --help`", s.namespace)
	}
	for _, phase := range phases {
		if s.upgrade.Phase == phase {
			return nil
		}
	}
	next, why := s.next()
	if next == "" {
		return fmt.Errorf("the upgrade from %s to %s is %s: %s", s.upgrade.From, s.upgrade.To, words(s.upgrade.Phase), why)
	}
	return fmt.Errorf("the upgrade from %s to %s is %s: `kubectl mesh-canary %s` is next (%s)", s.upgrade.From, s.upgrade.To, words(s.upgrade.Phase), next, why)
}

// reading runs a command that changes nothing.
func (o *upgradeOptions) reading(ctx context.Context, to string, do func(context.Context, *session) error) error {
	return o.within(ctx, func(ctx context.Context, config *rest.Config) error {
		clients, err := cluster.Connect(config)
		if err != nil {
			return err
		}
		s := &session{clients: clients, host: config.Host}
		if s.namespace, err = o.locate(ctx, clients, to); err != nil {
			return err
		}
		s.store = upgradestore.New(clients.Kube.CoreV1(), s.namespace)
		if err := s.load(ctx); err != nil {
			return err
		}
		return do(ctx, s)
	})
}

// changing runs a command that goes on with what is recorded, and keeps others out meanwhile, unless it is a dry run. to is a revision
// that the mesh has, empty for any.
func (o *upgradeOptions) changing(ctx context.Context, to string, do func(context.Context, *session) error) error {
	if o.isDryRun() {
		return o.reading(ctx, to, do)
	}
	return o.guarded(ctx, to, func(ctx context.Context, s *session) error {
		if err := s.load(ctx); err != nil {
			return err
		}
		return do(ctx, s)
	})
}

// guarded runs a command that changes something, under the Lease.
func (o *upgradeOptions) guarded(ctx context.Context, to string, do func(context.Context, *session) error) error {
	return o.within(ctx, func(ctx context.Context, config *rest.Config) error {
		clients, err := cluster.Connect(config)
		if err != nil {
			return err
		}
		namespace, err := o.locate(ctx, clients, to)
		if err != nil {
			return err
		}
		held, err := lease.Acquire(ctx, lease.Options{
			Leases: clients.Kube.CoordinationV1(), Namespace: namespace, Name: upgradestore.Name, Holder: holder(), Duration: o.LeaseDuration,
			Waiting: func(holder string, longest time.Duration) {
				fmt.Fprintf(o.ErrOut, "%s holds the Lease; waiting %s for it to run out\n", printing.Escape(holder), restarttext.Duration(longest))
			},
		})
		if err != nil {
			return err
		}
		defer release(ctx, o.ErrOut, held)
		guarded, err := cluster.Connect(lease.Guarded(config, held.Check))
		if err != nil {
			return err
		}
		return causeOf(do(ctx, &session{
			clients: guarded, host: config.Host, namespace: namespace, store: upgradestore.New(guarded.Kube.CoreV1(), namespace),
			held: held.Check,
		}))
	})
}

// causeOf returns of an error that the Lease was lost, if it was: what was to be sent then is not the cause.
func causeOf(err error) error {
	if lost := (*lease.LostError)(nil); errors.As(err, &lost) {
		return lost
	}
	return err
}

// releaseTime is how long giving the Lease back may take: it runs out by itself.
const releaseTime = 5 * time.Second

func release(ctx context.Context, errOut io.Writer, held *lease.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := held.Release(ctx); err != nil {
		fmt.Fprintln(errOut, "warning:", printing.Escape(err.Error()))
	}
}

// holder names this process so that whoever reads it knows whom to ask.
func holder() string {
	who := "somebody"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	return fmt.Sprintf("%s at %s (process %d, %s)", who, host, os.Getpid(), rand.Text()[:6])
}

// within runs a command within the time that it has.
func (o *upgradeOptions) within(ctx context.Context, do func(context.Context, *rest.Config) error) error {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	config, err := plugin.RESTConfig(o.ConfigFlags, pluginName)
	if err != nil {
		return err
	}
	err = do(ctx, config)
	var said *exit.Error
	if err != nil && !errors.As(err, &said) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &exit.Error{Code: exit.TimedOut, Err: fmt.Errorf("the %s allowed by --timeout are over: %w", o.Timeout, err)}
	}
	return err
}

// locate finds Istio's namespace of the mesh that is meant.
func (o *upgradeOptions) locate(ctx context.Context, clients *cluster.Clients, to string) (string, error) {
	objects, _, err := tag.Read(ctx, clients, o.IstioNamespace)
	if err != nil {
		return "", err
	}
	if to != "" {
		return tag.Locate(objects, "", to)
	}
	namespaces := objects.Namespaces()
	switch {
	case o.IstioNamespace != "" && !slices.Contains(namespaces, o.IstioNamespace):
		return "", revision.NotThere(o.IstioNamespace, namespaces)
	case o.IstioNamespace != "":
		return o.IstioNamespace, nil
	case len(namespaces) == 0:
		return "", revision.ErrNone
	case len(namespaces) == 1:
		return namespaces[0], nil
	}
	return o.upgrading(ctx, clients, namespaces)
}

// upgrading finds among several meshes the one that has an upgrade recorded.
func (o *upgradeOptions) upgrading(ctx context.Context, clients *cluster.Clients, namespaces []string) (string, error) {
	var found []string
	for _, namespace := range namespaces {
		u, err := upgradestore.New(clients.Kube.CoreV1(), namespace).Load(ctx)
		if err != nil {
			return "", err
		}
		if u != nil {
			found = append(found, namespace)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return "", fmt.Errorf("there are several meshes, in %s: choose one with --istio-namespace", strings.Join(namespaces, ", "))
}

// load reads the record and looks at the mesh.
func (s *session) load(ctx context.Context) error {
	var err error
	if s.upgrade, err = s.store.Load(ctx); err != nil {
		return err
	}
	s.hands = &upgradehands.Hands{Clients: s.clients, Namespace: s.namespace, Upgrade: s.upgrade}
	return s.look(ctx)
}

// look looks at the mesh again.
func (s *session) look(ctx context.Context) error {
	var err error
	if s.seen, err = s.hands.Look(ctx); err != nil {
		return err
	}
	s.tags = s.hands.Tags()
	return nil
}

// openUpgrade returns the record of the upgrade that is under way in the mesh of Istio's namespace, nil for none. Who may not read it does
// not hear of it; the error is about one that cannot be read otherwise.
func openUpgrade(ctx context.Context, clients *cluster.Clients, namespace string) (*v1alpha1.CanaryUpgrade, error) {
	u, err := upgradestore.New(clients.Kube.CoreV1(), namespace).Load(ctx)
	switch {
	case apierrors.IsForbidden(err), err == nil && u != nil && (u.Phase == v1alpha1.PhaseCompleted || u.Phase == v1alpha1.PhaseRolledBack):
		return nil, nil
	default:
		return u, err
	}
}
