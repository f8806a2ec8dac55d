package transport

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// ForeignError says that what answered is no API server.
type ForeignError struct {
	// ContentType is what the answer says it is.
	ContentType string
}

// Error says what was sent instead of an object.
func (e *ForeignError) Error() string {
	what := e.ContentType
	switch what {
	case "":
		what = "something of no content type"
	case "text/html":
		what = "a web page"
	}
	return fmt.Sprintf("the server answered with %s, which no API server does: is there a login page or a proxy in between?", what)
}

// objectTypes are those in which API servers send objects. Schemas have others, and are asked for by them.
var objectTypes = []string{runtime.ContentTypeJSON, runtime.ContentTypeProtobuf, runtime.ContentTypeCBOR}

// genuine ends a read that something else than an API server has answered, as a captive portal does.
type genuine struct{ next http.RoundTripper }

func (g genuine) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	said := answer.Header.Get("Content-Type")
	kind, _, _ := mime.ParseMediaType(said)
	if slices.Contains(objectTypes, kind) || said != "" && strings.Contains(r.Header.Get("Accept"), said) {
		return answer, nil
	}
	answer.Body.Close()
	return nil, &ForeignError{ContentType: cmp.Or(kind, said)}
}
