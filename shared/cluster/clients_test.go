package cluster

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

func TestFailuresAreToldApart(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	forbidden := apierrors.NewForbidden(pods, "", errors.New("no"))
	broken := apierrors.NewInternalError(errors.New("etcd is gone"))
	for _, c := range []struct {
		rule string
		err  error
		gap  string
		want string
	}{
		{"success", nil, "", ""},
		{"a kind that every cluster has", apierrors.NewNotFound(pods, "x"), "", "reading pods: " + apierrors.NewNotFound(pods, "x").Error()},
		{"one that a cluster may lack", Optional(apierrors.NewNotFound(pods, "x")), "", ""},
		{"what may not be read leaves a gap", forbidden, "cannot read pods: " + forbidden.Error(), ""},
		{"a cluster that fails", broken, "", "reading pods: " + broken.Error()},
		{"a cluster that is not there", errors.New("connection refused"), "", "reading pods: connection refused"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			gap, err := Outcome("pods", c.err)
			if (gap != nil) != (c.gap != "") || gap != nil && (gap.Error() != c.gap || !errors.Is(gap, c.err)) {
				t.Errorf("gap %v", gap)
			}
			if (err != nil) != (c.want != "") || err != nil && (err.Error() != c.want || !errors.Is(err, c.err)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestConnectSendsNothingAndKeepsTheConfiguration(t *testing.T) {
	config := &rest.Config{Host: "https://127.0.0.1:1"}
	clients, err := Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	if clients.Kube == nil || clients.Metadata == nil || clients.Dynamic == nil || clients.Istio == nil {
		t.Errorf("got %+v", clients)
	}
	if config.QPS != 0 || config.ContentType != "" {
		t.Errorf("the caller's configuration became %+v", config)
	}
	if _, err := Connect(&rest.Config{Host: "https://h", TLSClientConfig: rest.TLSClientConfig{CAFile: "/nowhere/ca"}}); err == nil {
		t.Error("a certificate that is not there is no error")
	}
}
