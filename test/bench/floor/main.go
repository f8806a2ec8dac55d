// Command floor is the least that listing a cluster's pods can cost: it asks for the same pages of 500, as protobuf and
// over the same transport as mesh-proxyver does, finds in each only where the next begins, and throws the rest away.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	gzip := flag.Bool("gzip", false, "let the API server compress the pages, as client-go does unless told otherwise")
	flag.Parse()
	client, err := connect()
	if err == nil {
		err = pager{client: client, gzip: *gzip, buffer: make([]byte, bufferSize)}.all(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// connect returns a client for the cluster that KUBECONFIG names. Only the error can tell that the file is no good:
// nothing is sent.
func connect() (*rest.RESTClient, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.APIPath, config.GroupVersion = "/api", &schema.GroupVersion{Version: "v1"}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	config.QPS = -1
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}
