// Asker lets black-box tests use the package dryrun from outside: it asks, and prints what it is told as JSON.
//
//	asker each < WORKLOADS   ask about workloads, given as {"namespace","group","kind","name","pod"}; a line for each answer
//	asker ask < POD          ask about a pod
//	asker manifest < POD     print what the pod was created from
//
// KUBECONFIG names the cluster, and ASKER_AS the user to impersonate.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) != 1:
	case args[0] == "each":
		return each(ctx)
	case args[0] == "ask":
		return ask(ctx)
	case args[0] == "manifest":
		return show()
	}
	return errors.New("usage: asker each | ask | manifest")
}

func connect() (*cluster.Clients, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{}
	config.Impersonate.UserName = os.Getenv("ASKER_AS")
	return cluster.Connect(config)
}

// line is what is printed of one answer.
type line struct {
	Workload string `json:"workload,omitempty"`
	Injected bool   `json:"injected"`
	Image    string `json:"image"`
	Revision string `json:"revision"`
	Native   bool   `json:"native"`
	Class    string `json:"class"`
	Webhook  string `json:"webhook"`
	Cause    string `json:"cause"`
	Error    string `json:"error"`
	Injector bool   `json:"injector"`
}

func tell(workload string, a dryrun.Answer) error {
	l := line{Workload: workload, Injected: a.Injected, Image: a.Image, Revision: a.Revision, Native: a.Native}
	if r := a.Refusal; r != nil {
		l.Class, l.Webhook, l.Cause, l.Error, l.Injector = string(r.Class), r.Webhook, r.Cause, r.Error(), r.ByInjector()
	}
	return json.NewEncoder(os.Stdout).Encode(l)
}

// chunk is so small that a test's few workloads take several pages.
const chunk = 2

func each(ctx context.Context) error {
	workloads, err := workloadsFromInput()
	if err != nil {
		return err
	}
	clients, err := connect()
	if err != nil {
		return err
	}
	gaps, err := dryrun.Each(ctx, clients.Kube, dryrun.Options{Chunk: chunk}, workloads, func(w dryrun.Workload, a dryrun.Answer) error {
		return tell(w.Namespace+"/"+w.Ref.String(), a)
	})
	for _, gap := range gaps {
		fmt.Fprintln(os.Stderr, "warning:", gap.Error())
	}
	return err
}

// question names a workload and one of its pods.
type question struct {
	Namespace, Group, Kind, Name, Pod string
}

func workloadsFromInput() ([]dryrun.Workload, error) {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return nil, err
	}
	var workloads []dryrun.Workload
	for _, q := range questions {
		name := podtemplate.Workload{Namespace: q.Namespace, Ref: workload.Ref{Group: q.Group, Kind: q.Kind, Name: q.Name}}
		workloads = append(workloads, dryrun.Workload{Workload: name, Pod: q.Pod})
	}
	return workloads, nil
}

func podFromInput() (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	return pod, json.NewDecoder(os.Stdin).Decode(pod)
}

func ask(ctx context.Context) error {
	pod, err := podFromInput()
	if err != nil {
		return err
	}
	clients, err := connect()
	if err != nil {
		return err
	}
	answer, err := dryrun.Ask(ctx, clients.Kube, pod)
	if err != nil {
		return err
	}
	return tell("", answer)
}

func show() error {
	pod, err := podFromInput()
	if err != nil {
		return err
	}
	if pod, err = manifest.Of(pod); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(pod)
}
