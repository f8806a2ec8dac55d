package egress

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestAConnectionIsJoinedToWhatPlaysTheService(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	go func() {
		conn, err := backend.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "hello")
	}()
	response, rest := connect(t, func(_ context.Context, address string) (string, error) {
		if address != "10.96.0.7:443" {
			t.Errorf("asked for %s", address)
		}
		return backend.Addr().String(), nil
	})
	if response.StatusCode != http.StatusOK {
		t.Fatalf("got %s", response.Status)
	}
	if got, _ := io.ReadAll(rest); string(got) != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestAServiceThatNothingPlaysIsRefusedAtOnce(t *testing.T) {
	response, _ := connect(t, func(context.Context, string) (string, error) { return "", errors.New("nothing plays it") })
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "nothing plays it") {
		t.Errorf("got %s: %s", response.Status, body)
	}
}

// connect opens a proxy and asks it for 10.96.0.7:443.
func connect(t *testing.T, find Backend) (*http.Response, io.Reader) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "e.sock")
	proxy, err := Listen(socket, find)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	request, err := http.NewRequest(http.MethodConnect, "http://10.96.0.7:443", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		t.Fatal(err)
	}
	return response, reader
}
