package kubernetes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var policyDependency = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-11", Name: "policy-dependency", Points: []string{"NET-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Policies let pods reach the Services that their environment names",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !w.Isolable() || !w.Set.HasPolicies() {
			return
		}
		seen := map[string]bool{}
		for _, c := range w.Containers() {
			for _, v := range w.Set.EnvironmentOf(c).Variables {
				name, port, ok := address(v, w.Namespace)
				if !ok || seen[name] {
					continue
				}
				services := w.Set.Find(w.Namespace, "", "Service", name)
				if len(services) != 1 || !w.Set.Together(w.Object, services[0]) {
					continue
				}
				seen[name] = true
				service, _ := services[0].Service()
				refused(p, w, v, service, port)
			}
		}
	}),
}

// schemes are the ports that URLs mean without one.
var schemes = map[string]int{
	"http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379, "amqp": 5672, "mongodb": 27017, "nats": 4222,
}

// address reads a variable that names another host: a URL, host:port, a name of
// the cluster, or any name where the variable's own says that it is one. The port
// is 0 where it is not told.
func address(v kubernetes.Variable, namespace string) (name string, port int, ok bool) {
	text := strings.TrimSpace(v.Value)
	if !v.Known || text == "" || len(text) > 500 || strings.ContainsAny(text, " ,\n") {
		return "", 0, false
	}
	sure := false
	if scheme, rest, cut := strings.Cut(text, "://"); cut {
		port, sure = schemes[strings.TrimPrefix(scheme, "jdbc:")], true
		text = rest
	}
	if i := strings.IndexAny(text, "/?#"); i >= 0 {
		text = text[:i]
	}
	text = text[strings.LastIndex(text, "@")+1:]
	if host, number, cut := strings.Cut(text, ":"); cut {
		n, err := strconv.Atoi(number)
		if err != nil {
			return "", 0, false
		}
		text, port, sure = host, n, true
	}
	parts := strings.Split(text, ".")
	if len(parts) > 1 {
		// Within the namespace only: name.namespace, and what may follow that.
		if namespace == "" || parts[1] != namespace || len(parts) > 2 && parts[2] != "svc" {
			return "", 0, false
		}
		sure = true
	}
	if !sure {
		key := strings.ToUpper(v.Name)
		for _, suffix := range []string{"HOST", "HOSTNAME", "ADDR", "ADDRESS", "URL", "URI", "ENDPOINT", "SERVER"} {
			sure = sure || strings.HasSuffix(key, suffix)
		}
	}
	return parts[0], port, sure
}

// refused reports a Service that a workload is told of and may not reach.
func refused(p *lint.Pass, w *kubernetes.Workload, v kubernetes.Variable, service *kubernetes.Service, port int) {
	targets := service.Set.Selected(service.Namespace, service.Selects())
	if len(targets) == 0 || service.Set.MayRun(service.Selects()) {
		return
	}
	var open kubernetes.ServicePort
	for _, candidate := range service.Ports {
		if candidate.Port == port || port == 0 && len(service.Ports) == 1 {
			open = candidate
		}
	}
	if open.Port == 0 {
		return
	}
	for _, direction := range []kubernetes.Direction{kubernetes.Egress, kubernetes.Ingress} {
		var closed []*kubernetes.Policy
		for _, target := range targets {
			flow := kubernetes.Flow{From: w, To: target, Port: target.Resolve(open.Target, open.Protocol), Protocol: open.Protocol}
			if flow.Port == 0 || !service.Set.Together(service.Object, target.Object) {
				return
			}
			answer, by := w.Set.Allowed(direction, flow)
			if answer != kubernetes.No {
				closed = nil
				break
			}
			closed = by
		}
		if len(closed) == 0 {
			continue
		}
		what := fmt.Sprintf("lets nothing out to %s on port %d", called(targets[0].Object), targets[0].Resolve(open.Target, open.Protocol))
		if direction == kubernetes.Ingress {
			what = fmt.Sprintf("lets nothing of %s in to %s on port %d", called(w.Object), called(targets[0].Object), targets[0].Resolve(open.Target, open.Protocol))
		}
		p.Report(lint.Problem{
			At: or(v.Node.At(), nameAt(w.Object)), Subject: w.Subject(), Path: "env[" + v.Name + "]." + string(direction),
			Related: []finding.Location{related(closed[0].Object, "refuses it"), related(service.Object, "is what %s names", v.Name)},
			Message: fmt.Sprintf("variable %q leads to %s, and %s %s; allow it, or drop the variable", v.Name, called(service.Object), called(closed[0].Object), what),
		})
		return
	}
}
