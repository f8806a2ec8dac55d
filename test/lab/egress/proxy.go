// Package egress stands in for the cluster's network: the API server asks it for a connection to a Service's address,
// and it joins the request to the local program that plays the Service.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Backend finds what answers for an address such as "10.96.7.3:443". The error says why nothing does.
type Backend func(ctx context.Context, address string) (local string, err error)

// Proxy answers HTTP CONNECT on a Unix socket.
type Proxy struct {
	server *http.Server
	socket string
}

// Listen starts a proxy on the socket. The error says that the socket cannot be had.
func Listen(socket string, find Backend) (*Proxy, error) {
	_ = os.Remove(socket) // a killed lab leaves it behind
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("opening the egress proxy's socket: %w", err)
	}
	p := &Proxy{socket: socket, server: &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, find) }),
	}}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// Close stops accepting connections and removes the socket.
func (p *Proxy) Close() {
	_ = p.server.Close()
	_ = os.Remove(p.socket)
}

func serve(w http.ResponseWriter, r *http.Request, find Backend) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is answered here", http.StatusMethodNotAllowed)
		return
	}
	local, err := find(r.Context(), r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	there, err := net.DialTimeout("tcp", local, 5*time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, err := accept(w)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer here.Close()
	join(here, there)
}

func accept(w http.ResponseWriter) (net.Conn, error) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return nil, errors.New("the connection cannot be taken over")
	}
	conn, buffered, err := h.Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection: %w", err)
	}
	// The client speaks TLS and waits for this line before its first byte, so nothing can be buffered yet.
	if _, err = buffered.WriteString("HTTP/1.1 200 Connection established\r\n\r\n"); err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("answering CONNECT: %w", err)
	}
	return conn, nil
}

// join copies both ways until either side ends: a stopped istiod must end the API server's kept connection as well.
func join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pipe(a, b)
	go pipe(b, a)
	<-done
}
