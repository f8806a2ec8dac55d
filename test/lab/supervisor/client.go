package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// ErrNoLab is part of an error when no lab runs in the directory.
var ErrNoLab = errors.New("no lab runs here")

// Client commands the lab of one directory. Its methods' errors are those of the cluster's methods of the same name,
// or carry ErrNoLab.
type Client struct {
	dir  string
	http *http.Client
}

// NewClient returns a client for the lab in dir, running or not.
func NewClient(dir string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socketOf(dir))
	}
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status returns how the lab is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, statusPath, nil, &s)
}

// Stop ends the lab and returns when it has ended.
func (c *Client) Stop(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, stopPath, nil, nil)
}

// InstallIstio installs a revision and runs its istiod.
func (c *Client) InstallIstio(ctx context.Context, i cluster.Istio) error {
	return c.do(ctx, http.MethodPost, istioPath, i, nil)
}

// Outage kills an istiod.
func (c *Client) Outage(ctx context.Context, i Istiod) error {
	return c.do(ctx, http.MethodPost, outagePath, i, nil)
}

// Restore starts an istiod again.
func (c *Client) Restore(ctx context.Context, i Istiod) error {
	return c.do(ctx, http.MethodPost, restorePath, i, nil)
}

// Load creates many Deployments and waits for their pods.
func (c *Client) Load(ctx context.Context, l cluster.Load) error {
	return c.do(ctx, http.MethodPost, loadPath, l, nil)
}

func (c *Client) do(ctx context.Context, method, path string, what, into any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("writing the command: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("writing the command: %w", err)
	}
	response, err := c.http.Do(request)
	var unreachable *net.OpError
	if errors.As(err, &unreachable) && unreachable.Op == "dial" {
		return fmt.Errorf("%w: %s (start one with: lab up)", ErrNoLab, c.dir)
	}
	if err != nil {
		return fmt.Errorf("commanding the lab in %s: %w", c.dir, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var f failure
		if err := json.NewDecoder(response.Body).Decode(&f); err != nil {
			return fmt.Errorf("commanding the lab in %s: %s", c.dir, response.Status)
		}
		return errors.New(f.Error)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the lab's answer: %w", err)
	}
	return nil
}
