// Package portforward sends an HTTP request to a port of a pod as if it came from the pod itself: by the API server's port forwarding,
// but without a port of this machine.
package portforward

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// protocol is what the API server speaks once the connection is made. Source: PortForwardProtocolV1Name in
// k8s.io/client-go/tools/portforward.
const protocol = "portforward.k8s.io"

// Get asks for a path at a port of a pod, and returns the body of its answer, which the caller closes. When the context ends, reading
// ends. core is what the cluster's core group is reached with and config how; the caller needs the right to create pods/portforward.
// The error is that of the API server, or of whatever listens at the port; an answer other than 200 is an error too.
func Get(ctx context.Context, config *rest.Config, core rest.Interface, namespace, pod, port, path string) (io.ReadCloser, error) {
	connection, err := dial(ctx, config, core, namespace, pod)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	body, err := get(ctx, connection, port, path)
	if err != nil {
		stop()
		connection.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return &answer{body, connection, stop}, nil
}

// answer is a body that closes its connection.
type answer struct {
	io.ReadCloser
	connection httpstream.Connection
	stop       func() bool
}

// Close closes the connection.
func (a *answer) Close() error {
	a.stop()
	return a.connection.Close()
}

func dial(ctx context.Context, config *rest.Config, core rest.Interface, namespace, pod string) (httpstream.Connection, error) {
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for port forwarding: %w", err)
	}
	url := core.Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("making a request for port forwarding: %w", err)
	}
	connection, _, err := spdy.NegotiateStreaming(upgrader, &http.Client{Transport: transport}, request, protocol)
	if err != nil {
		return nil, fmt.Errorf("forwarding a port of pod %s in namespace %s: %w", pod, namespace, err)
	}
	return connection, nil
}

// get sends the request on a pair of streams: one for what the API server has to complain of, and one for the bytes. Source:
// handleConnection in k8s.io/client-go/tools/portforward.
func get(ctx context.Context, connection httpstream.Connection, port, path string) (io.ReadCloser, error) {
	headers := http.Header{}
	headers.Set(corev1.PortHeader, port)
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	complaints, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	complaints.Close()
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:"+port+path, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	if err := request.Write(data); err != nil {
		return nil, because(complaints, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(data), request)
	switch {
	case err != nil:
		return nil, because(complaints, err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("port %s answered %s", port, response.Status)
	default:
		return response.Body, nil
	}
}

// because returns what the API server complains of, if anything, or else the error.
func because(complaints io.Reader, err error) error {
	text, _ := io.ReadAll(complaints)
	if len(text) > 0 {
		return fmt.Errorf("%s", text)
	}
	return err
}
