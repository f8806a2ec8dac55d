package e2e

import (
	"maps"
	"net/http"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// hostileCase is a fault and what becomes of the answer: it is whole where the code is 0.
type hostileCase struct {
	fault  intercept.Fault
	args   []string
	code   int
	stderr string
}

// The errors, less their beginnings and ends; %s is the gate's address.
const (
	webhooksURL   = `Get "%s/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"`
	setsURL       = `Get "%s/apis/apps/v1/namespaces/hostile/replicasets?limit=2"`
	podsURL       = `Get "%s/api/v1/namespaces/hostile/pods?limit=2"`
	expiredStderr = "warning: the list of pods expired while it was read (410 Gone), so its later pods are from a later moment; run the " +
		"command again for one moment's view\n"
	cutAdvice    = "; what is between here and the cluster cuts connections: see whether `kubectl get pods -A` comes through\n"
	busyAdvice   = "; the server stayed busy, though it was asked again and again: try again later\n"
	lateAdvice   = "; allow more, or see whether the cluster is well: `kubectl get --raw /readyz`\n"
	readyzAdvice = "; that is the server's own trouble: see `kubectl get --raw '/readyz?verbose'`\n"
	foreign      = ", which no API server does: is there a login page or a proxy in between? See `kubectl cluster-info`\n"
	circle       = "the list never ends, for the server sends a page again: does a proxy in between ignore the continue token?\n"
	late         = "the server has not answered in full within the 3s of --request-timeout"
	after1       = "error: reading pods: the list broke off after pod hostile/bare-1: "
)

func hostileCases() map[string]hostileCase {
	cases := map[string]hostileCase{}
	for _, group := range []map[string]hostileCase{expiring(), busy(), hanging(), cutting(), strange(), circling(), failing()} {
		maps.Copy(cases, group)
	}
	return cases
}

// expiring has lists that expire between two pages.
func expiring() map[string]hostileCase {
	return map[string]hostileCase{
		"pods expire, and the server says how to go on": {fault: intercept.Once(intercept.LaterOf("pods"), expire(true)), stderr: expiredStderr},
		"pods expire":        {fault: intercept.Once(intercept.LaterOf("pods"), expire(false)), stderr: expiredStderr},
		"pods always expire": {fault: intercept.When(intercept.LaterOf("pods"), expire(false)), code: 1, stderr: after1 + "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter. (asked 4 times)\n"},
		"owners expire, and the server says how to go on": {fault: intercept.Once(intercept.LaterOf("replicasets"), expire(true))},
		"owners expire": {fault: intercept.Once(intercept.LaterOf("replicasets"), expire(false))},
	}
}

// busy has a server that asks to be left alone.
func busy() map[string]hostileCase {
	busy := func(wait ...string) intercept.Answer { return intercept.Text(429, "text/plain", "busy", wait...) }
	return map[string]hostileCase{
		"busy once, for a moment":     {fault: intercept.When(intercept.First, busy("Retry-After", "0"))},
		"busy once, without a word":   {fault: intercept.When(intercept.First, busy())},
		"busy for ever":               {fault: intercept.When(intercept.All, busy("Retry-After", "0")), code: 1, stderr: "error: reading webhook configurations: the server has received too many requests and has asked us to try again later (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + busyAdvice},
		"owners busy, without a word": {fault: intercept.When(intercept.Of("replicasets"), busy()), code: 1, stderr: "error: reading replicasets: the server has received too many requests and has asked us to try again later" + busyAdvice},
		"pods busy for ever":          {fault: intercept.When(intercept.LaterOf("pods"), busy("Retry-After", "0")), code: 1, stderr: after1 + "the server has received too many requests and has asked us to try again later (get pods)" + busyAdvice},
		"busy for an hour":            {fault: intercept.When(intercept.All, busy("Retry-After", "3600")), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then\n"},
		"pods busy for an hour":       {fault: intercept.When(intercept.LaterOf("pods"), busy("Retry-After", "3600")), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then` + "\n"},
	}
}

// hanging has a server that takes a request and does not answer, or not to the end.
func hanging() map[string]hostileCase {
	short := []string{"--request-timeout=3s"}
	page := intercept.Text(200, "text/html; charset=utf-8", "<html><body>Please log in</body></html>")
	return map[string]hostileCase{
		"the server hangs":                         {args: short, fault: intercept.When(intercept.All, intercept.Hang), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs in an answer":            {args: short, fault: intercept.When(intercept.All, intercept.HangWithin), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs where objects are named": {args: append(short, "replicaset/set-1"), fault: intercept.When(intercept.All, intercept.Hang), code: 1, stderr: `error: Get "%s/api?timeout=32s": ` + late + lateAdvice},
		"a name behind a cut connection":           {args: []string{"pod/bare-1"}, fault: intercept.When(intercept.Of("bare-1"), intercept.CutWithin), code: 1, stderr: `error: Get "%s/api/v1/namespaces/hostile/pods/bare-1": unexpected EOF` + cutAdvice},
		"a web page where objects are named":       {args: []string{"replicaset/set-1"}, fault: intercept.When(intercept.All, page), code: 1, stderr: `error: Get "%s/api?timeout=32s": the server answered with a web page` + foreign},
		"owners hang in mid-page":                  {args: short, fault: intercept.When(intercept.Of("replicasets"), intercept.HangWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": " + late + lateAdvice},
		"pods hang once in mid-page":               {args: short, fault: intercept.Once(intercept.Of("pods"), intercept.HangWithin)},
		"pods hang in mid-page":                    {args: short, fault: intercept.When(intercept.Of("pods"), intercept.HangWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: " + late + " (asked 4 times)" + lateAdvice},
	}
}

// cutting has connections that break.
func cutting() map[string]hostileCase {
	return map[string]hostileCase{
		"pods cut before the first byte":        {fault: intercept.Once(intercept.Of("pods"), intercept.CutBefore)},
		"pods cut in the first page":            {fault: intercept.Once(intercept.Of("pods"), intercept.CutWithin)},
		"pods cut in a later page":              {fault: intercept.Once(intercept.LaterOf("pods"), intercept.CutWithin)},
		"pods always cut before the first byte": {fault: intercept.When(intercept.Of("pods"), intercept.CutBefore), code: 1, stderr: "error: reading pods: " + podsURL + ": EOF (asked 4 times)" + cutAdvice},
		"pods always cut":                       {fault: intercept.When(intercept.Of("pods"), intercept.CutWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: the connection was cut: unexpected EOF (asked 4 times)" + cutAdvice},
		"owners cut before the first byte":      {fault: intercept.Once(intercept.Of("replicasets"), intercept.CutBefore)},
		"owners cut in mid-page":                {fault: intercept.Once(intercept.LaterOf("replicasets"), intercept.CutWithin)},
		"owners always cut":                     {fault: intercept.When(intercept.Of("replicasets"), intercept.CutWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},
		"everything cut once":                   {fault: intercept.When(intercept.First, intercept.CutWithin)},
	}
}

// strange has something else than an API server answer.
func strange() map[string]hostileCase {
	page := intercept.Text(200, "text/html; charset=utf-8", "<html><body>Please log in</body></html>")
	wrong := intercept.Text(200, "application/octet-stream", "\x00\x01\x02")
	return map[string]hostileCase{
		"a web page":                           {fault: intercept.When(intercept.All, page), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with a web page" + foreign},
		"a web page instead of pods":           {fault: intercept.When(intercept.LaterOf("pods"), page), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server answered with a web page` + foreign},
		"a web page that says it is an object": {fault: intercept.When(intercept.Of("pods"), intercept.Text(200, "application/json", "<html>")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"<htm\"\n"},
		"rubbish":                              {fault: intercept.When(intercept.All, wrong), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of owners":            {fault: intercept.When(intercept.Of("replicasets"), wrong), code: 1, stderr: "error: reading replicasets: " + setsURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of pods":              {fault: intercept.When(intercept.Of("pods"), wrong), code: 1, stderr: "error: reading pods: " + podsURL + ": the server answered with application/octet-stream" + foreign},
		"pods that are no list":                {fault: intercept.When(intercept.Of("pods"), intercept.Text(200, "application/json", "\x00\x01\x02")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"\\x00\\x01\\x02\"\n"},
		"truncated gzip once":                  {fault: intercept.Once(intercept.Of("replicasets"), truncatedGzip)},
		"truncated gzip":                       {fault: intercept.When(intercept.Of("replicasets"), truncatedGzip), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},
	}
}

// circling has a server that does not page as it is asked to.
func circling() map[string]hostileCase {
	return map[string]hostileCase{
		"the limit is ignored": {fault: func(_ http.ResponseWriter, r *intercept.Request) bool {
			query := r.URL.Query()
			query.Del("limit")
			r.URL.RawQuery = query.Encode()
			return false
		}},
		"the continue token of pods is ignored":   {fault: ignoringContinue("pods"), code: 1, stderr: after1 + circle},
		"the continue token of owners is ignored": {fault: ignoringContinue("replicasets"), code: 1, stderr: "error: reading replicasets: " + circle},
	}
}

// failing has a server in trouble.
func failing() map[string]hostileCase {
	trouble := intercept.Text(500, "text/plain", "etcd is gone")
	lost := intercept.Text(404, "text/plain", "404 page not found")
	return map[string]hostileCase{
		"the server fails":                      {fault: intercept.When(intercept.All, trouble), code: 1, stderr: "error: reading webhook configurations: an error on the server (\"etcd is gone\") has prevented the request from succeeding (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + readyzAdvice},
		"the server fails at owners":            {fault: intercept.When(intercept.Of("replicasets"), trouble), code: 1, stderr: "error: reading replicasets: an error on the server (\"etcd is gone\") has prevented the request from succeeding" + readyzAdvice},
		"no webhook configurations, says a 404": {fault: intercept.When(intercept.First, lost), code: 1, stderr: "error: reading webhook configurations: the cluster serves none of admissionregistration.k8s.io/v1, as clusters before Kubernetes 1.16 do; a dump of it can be read with --filename: the server could not find the requested resource (get mutatingwebhookconfigurations.admissionregistration.k8s.io)\n"},
		"no owners, says a 404":                 {fault: intercept.When(intercept.Of("replicasets"), lost), code: 1, stderr: "error: reading replicasets: the server could not find the requested resource\n"},
		"no pods, says a 404":                   {fault: intercept.When(intercept.Of("pods"), lost), code: 1, stderr: "error: reading pods: the server could not find the requested resource (get pods)\n"},
		"no more pods, says a 404":              {fault: intercept.When(intercept.LaterOf("pods"), lost), code: 1, stderr: after1 + "the server could not find the requested resource (get pods)\n"},
		"no Gateways, says a 404":               {fault: intercept.When(intercept.Of("gateways"), lost)},
		"the server fails once at a later page": {fault: intercept.Once(intercept.LaterOf("pods"), trouble)},
		"the server fails at a later page":      {fault: intercept.When(intercept.LaterOf("pods"), trouble), code: 1, stderr: after1 + "an error on the server (\"etcd is gone\") has prevented the request from succeeding (get pods) (asked 4 times)" + readyzAdvice},
	}
}
