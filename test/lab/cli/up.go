package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/istio"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/supervisor"
)

type up struct {
	lab        *lab
	revisions  []string
	nodes      int
	kubelet    string
	foreground bool
}

func newUp(l *lab) *cobra.Command {
	u := &up{lab: l}
	cmd := &cobra.Command{
		Use:     "up",
		Short:   "Start a lab",
		Long:    upLong,
		Example: upExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return u.run(cmd.Context()) },
	}
	cmd.Flags().StringSliceVar(&u.revisions, "revisions", []string{"1-22", "1-23"}, "Istio revisions to install; their names say their versions")
	cmd.Flags().IntVar(&u.nodes, "nodes", 3, "number of nodes")
	cmd.Flags().StringVar(&u.kubelet, "kubelet-version", "v1.36.3", "version of every node; below v1.33 pods get no native sidecars by themselves")
	cmd.Flags().BoolVar(&u.foreground, "foreground", false, "stay, and end the lab with Ctrl-C")
	return cmd
}

func (u *up) run(ctx context.Context) error {
	revisions, err := u.installs()
	if err != nil {
		return err
	}
	if !u.foreground {
		return u.background(ctx)
	}
	return supervisor.Run(ctx, supervisor.Lab{
		Cluster:   cluster.Options{Dir: u.lab.dir, Log: os.Stderr, Nodes: u.nodes, KubeletVersion: u.kubelet},
		Revisions: revisions,
		OnReady:   func() { u.sayNext(os.Stderr) },
	})
}

func (u *up) installs() ([]cluster.Istio, error) {
	var revisions []cluster.Istio
	for _, r := range u.revisions {
		tag, err := istio.GuessTag(r)
		if err != nil {
			return nil, fmt.Errorf("%w (with: lab istio %s --tag TAG, once the lab is up)", err, r)
		}
		revisions = append(revisions, cluster.Istio{Revision: r, Tag: tag})
	}
	return revisions, nil
}

// args repeats the options for the process in the background.
func (u *up) args() []string {
	return []string{"--dir", u.lab.dir, "up", "--foreground", "--revisions", strings.Join(u.revisions, ","),
		"--nodes", fmt.Sprint(u.nodes), "--kubelet-version", u.kubelet}
}

func (u *up) sayNext(w io.Writer) { fmt.Fprintf(w, upNext, u.lab.command()) }
