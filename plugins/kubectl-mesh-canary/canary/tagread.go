package canary

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// count reads the mesh and its pods, and counts who follows which tag, and whom the writes move. What may not be read is
// warned of, and incomplete is the error that says so.
func (o *tagOptions) count(ctx context.Context, clients *cluster.Clients, writes []tag.Write) (census *tag.Census, incomplete, err error) {
	objects, err := mesh.ReadObjects(ctx, clients, mesh.Options{IstioNamespace: o.IstioNamespace, Chunk: o.Chunk})
	if err != nil {
		return nil, nil, err
	}
	before := objects.Mesh(o.IstioNamespace)
	gaps := before.Gaps()
	after := before
	if len(writes) > 0 {
		for _, w := range writes {
			if w.Verb == tag.Delete {
				objects.Delete(w.Object)
			} else {
				objects.Set(w.Object)
			}
		}
		after = objects.Mesh(o.IstioNamespace)
	}
	census = tag.NewCensus(before, after)
	gap, err := clients.Everywhere(ctx, "pods", "", func(namespace string) error {
		_, err := podlist.Each(ctx, clients.Core, namespace, podlist.Options{Chunk: o.Chunk}, func(pod proxy.Pod) error {
			census.Add(pod)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if gap != nil {
		gaps = append(gaps, *gap)
	}
	return census, o.warn(gaps), nil
}

// warn tells of what could not be read. The error says that the answer lacks it, nil where nothing is lacking.
func (o *tagOptions) warn(gaps []cluster.Gap) error {
	o.tell(gaps)
	if len(gaps) > 0 {
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", len(gaps))
	}
	return nil
}

// readWhole reads what tags are made of, for who writes them: half seen, they may not be written.
func (o *tagOptions) readWhole(ctx context.Context, clients *cluster.Clients) (*tag.Objects, error) {
	objects, gaps, err := tag.Read(ctx, clients, o.IstioNamespace)
	if err != nil {
		return nil, err
	}
	if len(gaps) > 0 {
		return nil, fmt.Errorf("nothing is changed: %w", gaps[0])
	}
	return objects, nil
}

// oneTag returns the only argument.
func oneTag(args []string) (string, error) {
	if len(args) != 1 {
		return "", errors.New("name one tag, such as prod-stable; `kubectl mesh-canary tag list` shows those that there are")
	}
	return args[0], nil
}

// tell warns of each thing that could not be read, in the API server's own words.
func (o *tagOptions) tell(gaps []cluster.Gap) {
	for _, gap := range gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
}
