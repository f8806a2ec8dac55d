package e2e

import (
	"maps"
	"net/http"
)

// hostileCase is a fault and what becomes of the answer: it is whole where the code is 0.
type hostileCase struct {
	fault  fault
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
	late         = "the server has not answered in full within the 1s of --request-timeout"
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
		"pods expire, and the server says how to go on": {fault: once(later("pods"), expire(true)), stderr: expiredStderr},
		"pods expire":        {fault: once(later("pods"), expire(false)), stderr: expiredStderr},
		"pods always expire": {fault: when(later("pods"), expire(false)), code: 1, stderr: after1 + "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter. (asked 4 times)\n"},
		"owners expire, and the server says how to go on": {fault: once(later("replicasets"), expire(true))},
		"owners expire": {fault: once(later("replicasets"), expire(false))},
	}
}

// busy has a server that asks to be left alone.
func busy() map[string]hostileCase {
	busy := func(wait ...string) answer { return text(429, "text/plain", "busy", wait...) }
	return map[string]hostileCase{
		"busy once, for a moment":     {fault: when(first, busy("Retry-After", "0"))},
		"busy once, without a word":   {fault: when(first, busy())},
		"busy for ever":               {fault: when(all, busy("Retry-After", "0")), code: 1, stderr: "error: reading webhook configurations: the server has received too many requests and has asked us to try again later (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + busyAdvice},
		"owners busy, without a word": {fault: when(of("replicasets"), busy()), code: 1, stderr: "error: reading replicasets: the server has received too many requests and has asked us to try again later" + busyAdvice},
		"pods busy for ever":          {fault: when(later("pods"), busy("Retry-After", "0")), code: 1, stderr: after1 + "the server has received too many requests and has asked us to try again later (get pods)" + busyAdvice},
		"busy for an hour":            {fault: when(all, busy("Retry-After", "3600")), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then\n"},
		"pods busy for an hour":       {fault: when(later("pods"), busy("Retry-After", "3600")), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then` + "\n"},
	}
}

// hanging has a server that takes a request and does not answer, or not to the end.
func hanging() map[string]hostileCase {
	short := []string{"--request-timeout=1s"}
	page := text(200, "text/html; charset=utf-8", "<html><body>Please log in</body></html>")
	return map[string]hostileCase{
		"the server hangs":                         {args: short, fault: when(all, hang), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs in an answer":            {args: short, fault: when(all, hangWithin), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs where objects are named": {args: append(short, "replicaset/set-1"), fault: when(all, hang), code: 1, stderr: `error: Get "%s/api?timeout=32s": ` + late + lateAdvice},
		"a name behind a cut connection":           {args: []string{"pod/bare-1"}, fault: when(of("bare-1"), cutWithin), code: 1, stderr: `error: Get "%s/api/v1/namespaces/hostile/pods/bare-1": unexpected EOF` + cutAdvice},
		"a web page where objects are named":       {args: []string{"replicaset/set-1"}, fault: when(all, page), code: 1, stderr: `error: Get "%s/api?timeout=32s": the server answered with a web page` + foreign},
		"owners hang in mid-page":                  {args: short, fault: when(of("replicasets"), hangWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": " + late + lateAdvice},
		"pods hang once in mid-page":               {args: short, fault: once(of("pods"), hangWithin)},
		"pods hang in mid-page":                    {args: short, fault: when(of("pods"), hangWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: " + late + " (asked 4 times)" + lateAdvice},
	}
}

// cutting has connections that break.
func cutting() map[string]hostileCase {
	return map[string]hostileCase{
		"pods cut before the first byte":        {fault: once(of("pods"), cutBefore)},
		"pods cut in the first page":            {fault: once(of("pods"), cutWithin)},
		"pods cut in a later page":              {fault: once(later("pods"), cutWithin)},
		"pods always cut before the first byte": {fault: when(of("pods"), cutBefore), code: 1, stderr: "error: reading pods: " + podsURL + ": EOF (asked 4 times)" + cutAdvice},
		"pods always cut":                       {fault: when(of("pods"), cutWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: the connection was cut: unexpected EOF (asked 4 times)" + cutAdvice},
		"owners cut before the first byte":      {fault: once(of("replicasets"), cutBefore)},
		"owners cut in mid-page":                {fault: once(later("replicasets"), cutWithin)},
		"owners always cut":                     {fault: when(of("replicasets"), cutWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},
		"everything cut once":                   {fault: when(first, cutWithin)},
	}
}

// strange has something else than an API server answer.
func strange() map[string]hostileCase {
	page := text(200, "text/html; charset=utf-8", "<html><body>Please log in</body></html>")
	wrong := text(200, "application/octet-stream", "\x00\x01\x02")
	return map[string]hostileCase{
		"a web page":                           {fault: when(all, page), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with a web page" + foreign},
		"a web page instead of pods":           {fault: when(later("pods"), page), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server answered with a web page` + foreign},
		"a web page that says it is an object": {fault: when(of("pods"), text(200, "application/json", "<html>")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"<htm\"\n"},
		"rubbish":                              {fault: when(all, wrong), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of owners":            {fault: when(of("replicasets"), wrong), code: 1, stderr: "error: reading replicasets: " + setsURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of pods":              {fault: when(of("pods"), wrong), code: 1, stderr: "error: reading pods: " + podsURL + ": the server answered with application/octet-stream" + foreign},
		"pods that are no list":                {fault: when(of("pods"), text(200, "application/json", "\x00\x01\x02")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"\\x00\\x01\\x02\"\n"},
		"truncated gzip once":                  {fault: once(of("replicasets"), truncatedGzip)},
		"truncated gzip":                       {fault: when(of("replicasets"), truncatedGzip), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},
	}
}

// circling has a server that does not page as it is asked to.
func circling() map[string]hostileCase {
	return map[string]hostileCase{
		"the limit is ignored": {fault: func(_ *gate, _ http.ResponseWriter, r request) bool {
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
	trouble := text(500, "text/plain", "etcd is gone")
	lost := text(404, "text/plain", "404 page not found")
	return map[string]hostileCase{
		"the server fails":                      {fault: when(all, trouble), code: 1, stderr: "error: reading webhook configurations: an error on the server (\"etcd is gone\") has prevented the request from succeeding (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + readyzAdvice},
		"the server fails at owners":            {fault: when(of("replicasets"), trouble), code: 1, stderr: "error: reading replicasets: an error on the server (\"etcd is gone\") has prevented the request from succeeding" + readyzAdvice},
		"no webhook configurations, says a 404": {fault: when(first, lost), code: 1, stderr: "error: reading webhook configurations: the cluster serves none of admissionregistration.k8s.io/v1, as clusters before Kubernetes 1.16 do; a dump of it can be read with --filename: the server could not find the requested resource (get mutatingwebhookconfigurations.admissionregistration.k8s.io)\n"},
		"no owners, says a 404":                 {fault: when(of("replicasets"), lost), code: 1, stderr: "error: reading replicasets: the server could not find the requested resource\n"},
		"no pods, says a 404":                   {fault: when(of("pods"), lost), code: 1, stderr: "error: reading pods: the server could not find the requested resource (get pods)\n"},
		"no more pods, says a 404":              {fault: when(later("pods"), lost), code: 1, stderr: after1 + "the server could not find the requested resource (get pods)\n"},
		"no Gateways, says a 404":               {fault: when(of("gateways"), lost)},
		"the server fails once at a later page": {fault: once(later("pods"), trouble)},
		"the server fails at a later page":      {fault: when(later("pods"), trouble), code: 1, stderr: after1 + "an error on the server (\"etcd is gone\") has prevented the request from succeeding (get pods) (asked 4 times)" + readyzAdvice},
	}
}
