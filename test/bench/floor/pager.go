package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/client-go/rest"
)

const (
	pageSize   = "500"
	bufferSize = 1 << 20
	// headSize is more than what stands before the first pod: the envelope, the type and the list's metadata.
	headSize = 16 << 10
)

// pager lists the pods of all namespaces.
type pager struct {
	client *rest.RESTClient
	gzip   bool
	buffer []byte
}

// all asks for one page after the other until there is none.
func (p pager) all(ctx context.Context) error {
	for n, token := 1, ""; ; n++ {
		var err error
		if token, err = p.page(ctx, token); err != nil {
			return fmt.Errorf("listing pods, page %d: %w", n, err)
		}
		if token == "" {
			return nil
		}
	}
}

// page reads the page that the token stands for to its end and returns the token of the next one; "" if it is the last.
func (p pager) page(ctx context.Context, token string) (next string, err error) {
	request := p.client.Get().Resource("pods").Param("limit", pageSize)
	if token != "" {
		request = request.Param("continue", token)
	}
	if !p.gzip {
		request = request.SetHeader("Accept-Encoding", "identity")
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return "", err
	}
	defer body.Close()
	head, err := io.ReadFull(body, p.buffer[:headSize])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if next, err = continueToken(p.buffer[:head]); err != nil {
		return "", err
	}
	return next, discard(body, p.buffer)
}

// discard reads to the end. It is io.Copy to io.Discard with a buffer that holds many frames.
func discard(r io.Reader, buffer []byte) error {
	for {
		if _, err := r.Read(buffer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
