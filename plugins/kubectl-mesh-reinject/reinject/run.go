package reinject

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Run reads the mesh, makes the plan, and does it. The error carries the exit code.
func (o *Options) Run(ctx context.Context) error {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	err := o.run(ctx)
	var said *exit.Error
	if err != nil && !errors.As(err, &said) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &exit.Error{Code: exit.TimedOut, Err: fmt.Errorf("the %s allowed by --timeout are over: %w", o.Timeout, err)}
	}
	return err
}

func (o *Options) run(ctx context.Context) error {
	config, err := plugin.RESTConfig(o.ConfigFlags, pluginName)
	if err != nil {
		return err
	}
	clients, err := cluster.Connect(config)
	if err != nil {
		return err
	}
	dir, err := o.manifests(ctx, clients, config.Host)
	if err != nil {
		return err
	}
	o.putBack(ctx, clients, dir)
	found, plan, err := o.read(ctx, clients)
	if err != nil {
		return err
	}
	o.sayGaps(found)
	if o.DryRun != dryRunNone {
		return o.rehearse(ctx, clients, found, plan)
	}
	// What there is to know is said before anything is done.
	o.notes(plan.Report().Items)
	if !acts(plan) {
		return o.nothing(found, plan)
	}
	if err := o.confirm(ctx, plan); err != nil {
		return err
	}
	return o.carryOut(ctx, clients, dir, found, plan)
}

// read reads the mesh and makes the plan.
func (o *Options) read(ctx context.Context, clients *cluster.Clients) (*restartscan.Result, *restartplan.Plan, error) {
	named, err := plugin.Named(ctx, o.ConfigFlags, o.namespace, o.Args)
	if err != nil {
		return nil, nil, err
	}
	if err := untraceable(named); err != nil {
		return nil, nil, err
	}
	if err := dryrun.Supported(ctx, clients.Kube); err != nil {
		return nil, nil, err
	}
	found, err := restartscan.Read(ctx, clients, restartscan.Request{
		Namespace: o.namespace, IstioNamespace: o.IstioNamespace, FieldSelector: o.FieldSelector, Named: named,
		Options: o.plan(), Chunk: o.Chunk,
	})
	if err != nil {
		return nil, nil, err
	}
	if err := o.noIstio(found); err != nil {
		return nil, nil, err
	}
	mine, err := scan.OfMesh(found.Mesh, o.IstioNamespace)
	if err != nil {
		return nil, nil, err
	}
	kept := found.Input.Pods[:0]
	for _, item := range found.Input.Pods {
		if mine(item) {
			kept = append(kept, item)
		}
	}
	found.Input.Pods = kept
	plan, err := restartplan.Make(found.Input, o.plan())
	return found, plan, err
}

func untraceable(named []workload.Ref) error {
	for _, ref := range named {
		if !workload.Traceable(ref) {
			return fmt.Errorf("no pod can be traced to %s: name the workload that it made, such as its Deployment", ref)
		}
	}
	return nil
}

// noIstio ends the command where there is no injector: nothing would be injected, and every restart would lose a proxy.
func (o *Options) noIstio(found *restartscan.Result) error {
	m := found.Mesh
	switch {
	case !m.InjectorsKnown():
		return missing(m)
	case len(m.Injectors()) > 0:
		if o.namespace != "" && m.Lacks(o.namespace) {
			return fmt.Errorf("namespace %s does not exist: see `kubectl get namespaces`", o.namespace)
		}
		return nil
	case found.Proxies > 0:
		return errors.New("no injector is left in this cluster, so that restarted pods would lose their proxies: install a revision first")
	default:
		return revision.ErrNone
	}
}

// missing is why nothing can be decided.
func missing(m *mesh.Mesh) error {
	for _, gap := range m.Gaps() {
		if gap.Missing == string(mesh.Webhooks) {
			return fmt.Errorf("nothing can be decided: %w", gap)
		}
	}
	return errors.New("nothing can be decided without the webhook configurations")
}

func acts(plan *restartplan.Plan) bool {
	for i := range plan.Steps {
		if plan.Steps[i].Acts() {
			return true
		}
	}
	return false
}

// sayGaps warns of what could not be read.
func (o *Options) sayGaps(found *restartscan.Result) {
	for _, gap := range found.Gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	if found.Expired {
		fmt.Fprintln(o.ErrOut, "warning: the list of pods expired while it was read (410 Gone), so its later pods are from a later moment")
	}
}

// incomplete is the error of an answer that lacks something: what could not be read, and what cannot be told.
func incomplete(found *restartscan.Result, plan *restartplan.Plan) error {
	unknown := 0
	for i := range plan.Steps {
		if plan.Steps[i].ByStatus[v1alpha1.Unknown] > 0 {
			unknown++
		}
	}
	switch {
	case unknown > 0:
		return fmt.Errorf("the answer is incomplete: unknown: %d workloads", unknown)
	case len(found.Gaps) > 0:
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", len(found.Gaps))
	default:
		return nil
	}
}

// nothing says that there is nothing to do, and what was skipped.
func (o *Options) nothing(found *restartscan.Result, plan *restartplan.Plan) error {
	report, err := restart.Run(context.Background(), nil, plan, restart.Options{})
	if err != nil {
		return err
	}
	if err := o.printResults(report); err != nil {
		return err
	}
	if err := o.Pacing.WriteReports(report); err != nil {
		return err
	}
	o.sayNothing(found, plan)
	if err := incomplete(found, plan); err != nil {
		return err
	}
	return o.findings(report)
}

func (o *Options) sayNothing(found *restartscan.Result, plan *restartplan.Plan) {
	where := o.where()
	switch n := notCurrent(plan); {
	case n > 0:
		fmt.Fprintf(o.ErrOut, "Nothing to restart %s: what is stale was skipped (workloads: %d).\n", where, n)
	case incomplete(found, plan) != nil:
		fmt.Fprintf(o.ErrOut, "Nothing to restart %s, as far as it could be read.\n", where)
	default:
		fmt.Fprintf(o.ErrOut, "Nothing is stale %s.\n", where)
	}
	o.sayLeftOut(found)
}

// where says in words what was looked at.
func (o *Options) where() string {
	where := "in this cluster"
	if o.namespace != "" {
		where = "in namespace " + o.namespace
	}
	switch {
	case len(o.Args) > 0:
		return "of what is named " + where
	case o.LabelSelector != "" || o.FieldSelector != "":
		return "of what is selected " + where
	default:
		return where
	}
}

// sayLeftOut tells of workloads that gain or lose a proxy with their next restart, and that are not restarted unless that is asked
// for. Which of them a selector would take is not known of those that were not read.
func (o *Options) sayLeftOut(found *restartscan.Result) {
	if len(o.Args) > 0 || o.LabelSelector != "" {
		return
	}
	left := map[v1alpha1.Status]map[podtemplate.Workload]bool{v1alpha1.Missing: {}, v1alpha1.Unexpected: {}}
	for _, i := range found.Input.Pods {
		if of, is := left[i.Verdict.Status]; is && !i.Verdict.Dangling {
			of[podtemplate.Workload{Namespace: i.Pod.Namespace, Ref: i.Chain.Workload()}] = true
		}
	}
	for _, status := range []v1alpha1.Status{v1alpha1.Missing, v1alpha1.Unexpected} {
		if n := len(left[status]); n > 0 && !slices.Contains(o.Include, string(status)) {
			fmt.Fprintf(o.ErrOut, "Not looked at, whose proxy is %s: %s (see --include %s).\n", status, restarttext.Count(n, "workload"), status)
		}
	}
}

// notCurrent counts the workloads of a plan that have a pod which does not run what it would get.
func notCurrent(plan *restartplan.Plan) int {
	n := 0
	for i := range plan.Steps {
		pods := plan.Steps[i].ByStatus
		if pods[v1alpha1.Current]+pods[v1alpha1.None] < total(pods) {
			n++
		}
	}
	return n
}

func total(pods map[v1alpha1.Status]int) int {
	sum := 0
	for _, n := range pods {
		sum += n
	}
	return sum
}

// findings is exit code 2 where workloads are left stale, if that was asked for.
func (o *Options) findings(report *v1alpha1.RestartReport) error {
	if o.ExitCode && report.Summary.StillStale > 0 {
		return &exit.Error{Code: exit.Findings}
	}
	return nil
}
