package stack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// port is one place that names a port of the program.
type port struct {
	number int
	at     finding.Location
	// kind is what names it, in words for people: "EXPOSE", "containerPort".
	kind string
	path string // semantic path inside the subject
	// open says that the place names ports that are not known: a range, a variable.
	open bool
}

// readPorts reads "3000", "3000/tcp" and ranges.
func readPorts(text string, known bool, at finding.Location, kind string) []port {
	text, protocol, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(text)
	switch {
	case !known || err != nil:
		return []port{{at: at, kind: kind, open: true}}
	case protocol != "" && !strings.EqualFold(protocol, "tcp"):
		return nil
	}
	return []port{{number: n, at: at, kind: kind}}
}

// probes are the keys of a container's probes.
var probes = []string{"startupProbe", "livenessProbe", "readinessProbe"}

// containerPorts are what the manifests say of the ports of a container: what it
// declares, what its probes ask, and where Services send to.
func (w *world) containerPorts(c *binding.Container) []port {
	var all []port
	named := map[string]int{}
	for i, item := range c.Node.Get("ports").Items() {
		n := item.Get("containerPort")
		number, err := strconv.Atoi(n.Text())
		if protocol := item.Get("protocol").Text(); err != nil || protocol != "" && protocol != "TCP" {
			continue
		}
		named[item.Get("name").Text()] = number
		all = append(all, port{number: number, at: n.At(), kind: "containerPort", path: fmt.Sprintf("%s.ports[%d]", c.Path, i)})
	}
	for _, key := range probes {
		for _, handler := range []string{"httpGet", "tcpSocket", "grpc"} {
			h := c.Node.Get(key).Get(handler)
			if n := h.Get("port"); n.Exists() && !h.Get("host").Exists() {
				if number, err := strconv.Atoi(n.Text()); err == nil && number > 0 {
					all = append(all, port{number: number, at: n.At(), kind: key, path: c.Path + "." + key + ".port"})
				}
			}
		}
	}
	if alone(c) {
		for _, s := range w.objects.serving(c.Workload) {
			all = append(all, targets(s)...)
		}
	}
	return all
}

// alone says that a container is the only one that its pod's ports can be of.
func alone(c *binding.Container) bool {
	n := 0
	for _, other := range c.Workload.Containers() {
		if other.Role == kubernetes.Main || other.Role == kubernetes.Sidecar {
			n++
		}
	}
	return n == 1 && c.Role == kubernetes.Main && !injected(c.Workload)
}

// injected says that something adds containers to the pods.
func injected(w *kubernetes.Workload) bool {
	for _, e := range w.Template.Get("metadata").Get("annotations").Entries() {
		if key := e.Key.Text(); strings.Contains(key, "inject") || strings.HasPrefix(key, "dapr.io/") || strings.HasPrefix(key, "sidecar.") {
			return true
		}
	}
	return false
}

// targets are the numbers that a Service sends to.
func targets(s *kubernetes.Object) []port {
	var all []port
	for _, item := range s.Node.Get("spec").Get("ports").Items() {
		if protocol := item.Get("protocol").Text(); protocol != "" && protocol != "TCP" {
			continue
		}
		target := item.Get("targetPort")
		if !target.Exists() {
			target = item.Get("port")
		}
		if number, err := strconv.Atoi(target.Text()); err == nil && number > 0 {
			all = append(all, port{number: number, at: target.At(), kind: "targetPort of " + s.Subject(), path: "spec.ports[" + item.Get("port").Text() + "].targetPort"})
		}
	}
	return all
}

// servicePorts are what Compose says of the ports of a service.
func servicePorts(s *binding.Service) []port {
	var all []port
	for _, p := range s.Ports() {
		if p.Protocol == "" || strings.EqualFold(p.Protocol, "tcp") {
			all = append(all, readPorts(p.Target, p.Known, p.At, "the port that Compose publishes")...)
		}
	}
	for _, v := range s.Get("expose").Items {
		all = append(all, readPorts(v.Text, v.Known, v.At(), "expose in Compose")...)
	}
	if check := s.Healthcheck(); check.Set {
		for _, u := range urls(strings.Join(words(check.Test), " ")) {
			if n, ok := urlPort(u); ok {
				all = append(all, port{number: n, at: check.Test.At(), kind: "the health check in Compose"})
			}
		}
	}
	for i := range all {
		all[i].path = "services[" + s.Name + "]." + all[i].kind
	}
	return all
}

// stagePorts are what a Dockerfile says of the ports of its image. EXPOSE counts only
// where the base is known to add none.
func (f *facts) stagePorts() []port {
	var all []port
	if f.plain() {
		all = slices.Clone(f.ports)
	}
	if f.health != nil {
		for _, u := range f.health.urls {
			if n, ok := urlPort(u); ok {
				all = append(all, port{number: n, at: f.health.in.At, kind: "HEALTHCHECK"})
			}
		}
	}
	for i := range all {
		all[i].path = all[i].kind
	}
	return all
}

// chosen are numbers that what starts a program sets: PORT=8080 makes one that
// exposes 3000 listen elsewhere.
func chosen(e environment, commands ...[]string) map[int]bool {
	all := map[int]bool{}
	note := func(text string) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
			if n, err := strconv.Atoi(word); err == nil && n > 0 && n < 65536 {
				all[n] = true
			}
		}
	}
	for _, v := range e.values {
		if v.known {
			note(v.text)
		}
	}
	for _, command := range commands {
		note(strings.Join(command, " "))
	}
	return all
}

// words are what a command of Compose says.
func words(v compose.Value) []string {
	var all []string
	for _, w := range v.Words() {
		all = append(all, w.Text)
	}
	return all
}
