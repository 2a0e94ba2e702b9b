package stack

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var composeDrift = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-12", Name: "compose-drift", Severity: finding.Medium, Since: "0.1.0",
		Summary: "What runs in Compose and in Kubernetes is the same program, told the same things",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, service := range s.services {
			if len(service.Containers) == 0 || service.Partial {
				continue
			}
			rows := s.drift(p, service, service.Containers[0])
			for _, c := range service.Containers[1:] { // what is right for one of them is right
				others := s.drift(p, service, c)
				rows = slices.DeleteFunc(rows, func(r difference) bool {
					return !slices.ContainsFunc(others, func(o difference) bool { return o.key == r.key })
				})
			}
			if len(rows) == 0 {
				continue
			}
			slices.SortStableFunc(rows, func(a, b difference) int { return int(b.severity) - int(a.severity) })
			problem := lint.Problem{At: rows[0].at, Subject: service.Subject(), Path: "drift", Severity: rows[0].severity}
			var said []string
			for i, r := range rows {
				said = append(said, r.text)
				if i > 0 {
					problem.Related = append(problem.Related, noted(r.at, r.key))
				}
				if r.other.Line != 0 {
					problem.Related = append(problem.Related, noted(r.other, r.key))
				}
			}
			c := service.Containers[0]
			problem.Message = fmt.Sprintf("service %q and container %q of %s differ: %s; make them the same, or excuse what is meant", service.Name, c.Name, c.Workload.Subject(), strings.Join(said, ", "))
			p.Report(problem)
		}
	},
}

// difference is one line of the table of what differs.
type difference struct {
	key, text string
	at, other finding.Location
	severity  finding.Severity
}

// drift compares a service with one container that stands for it. What either side
// leaves to something that is not here is not compared.
func (s *ship) drift(p *lint.Pass, service *binding.Service, c *binding.Container) []difference {
	var rows []difference
	row := func(key string, at, other finding.Location, severity finding.Severity, format string, args ...any) {
		rows = append(rows, difference{key, fmt.Sprintf(format, args...), at, other, severity})
	}
	usual := mediumOnDemand(p)
	if v := service.Get("image"); !service.Built() && service.Named && c.Stage == nil && c.Named && v.Known && !v.Variables {
		if here, there := major(service.Ref), major(c.Ref); here != "" && there != "" && here != there && binding.Normal(service.Ref.Name) == binding.Normal(c.Ref.Name) {
			row("image", v.At(), c.Node.Get("image").At(), finding.Medium, "version %q here and %q there", service.Ref.Tag, c.Ref.Tag)
		}
	}
	s.driftOfEnvironment(service, c, usual, row)
	resources := c.Node.Get("resources").Get("limits")
	if here, there := service.Limit("memory"), resources.Get("memory"); here.Known && there.Exists() {
		a, ok := bytes(here.Text)
		b, fine := quantity(there.Text())
		if ok && fine && a != b && a > 0 {
			row("memory", here.At(), there.At(), usual, "memory limit %q here and %q there", here.Text, there.Text())
		}
	}
	if here, there := service.Limit("cpus"), resources.Get("cpu"); here.Known && there.Exists() && !service.Get("cpu_quota").Exists() {
		a, err := strconv.ParseFloat(here.Text, 64)
		b, fine := quantity(there.Text())
		if err == nil && fine && a > 0 && int(a*1000+0.5) != int(b*1000+0.5) {
			row("cpu", here.At(), there.At(), usual, "CPU limit %q here and %q there", here.Text, there.Text())
		}
	}
	if here, there := service.Get("user"), c.Security("runAsUser"); here.Known && here.IsScalar() && there.Exists() {
		who, _, _ := strings.Cut(here.Text, ":")
		if _, err := strconv.Atoi(who); err == nil && who != there.Text() {
			row("user", here.At(), there.At(), usual, "user %q here and %q there", who, there.Text())
		}
	}
	if there := c.Security("readOnlyRootFilesystem"); !service.Get("read_only").Exists() && len(develops(service)) == 0 {
		if on, _ := there.Bool(); on {
			row("read-only", service.At, there.At(), finding.Low, "a writable root here and a read-only one there")
		}
	}
	s.driftOfData(service, c, row)
	return rows
}

// develops are the sources that a service mounts over its image.
func develops(service *binding.Service) []compose.Mount {
	return slices.DeleteFunc(service.Mounts(), func(m compose.Mount) bool { return m.Type != "bind" })
}

type addRow = func(key string, at, other finding.Location, severity finding.Severity, format string, args ...any)

// modes are variables that say what a program runs for. They belong to the image or
// to the container itself, so that they are looked for there only.
var modes = []string{"NODE_ENV", "RAILS_ENV", "RACK_ENV", "APP_ENV", "FLASK_ENV", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "MIX_ENV", "GIN_MODE"}

// driftOfEnvironment compares the names of variables. Values differ by nature.
func (s *ship) driftOfEnvironment(service *binding.Service, c *binding.Container, usual finding.Severity, row addRow) {
	here, there := s.serviceEnvironment(service), s.environment(c)
	image := s.of(c.Stage).env
	if s.of(service.Stage).stage != nil && c.Stage == nil {
		image = s.of(service.Stage).env
	}
	var only []string
	for _, name := range slices.Sorted(maps.Keys(here.values)) {
		_, set := there.values[name]
		_, inImage := image[name]
		switch {
		case set || inImage, strings.Contains(service.Get("environment").Get(name).Node.Text(), ":?"): // required-variable tells these
		case slices.Contains(modes, name):
			row("environment["+name+"]", here.values[name].at, c.At(), finding.Low, "only Compose sets %q, to %q, neither the image nor the container does", name, here.values[name].text)
		case there.complete && c.Stage != nil && !ofDevelopment(name):
			only = append(only, name)
		}
	}
	if len(only) > 0 {
		row("environment of Compose", here.values[only[0]].at, finding.Location{}, usual, "only Compose sets %s", list(quoted(only)))
	}
	if !here.complete || service.Stage == nil {
		return
	}
	only = nil
	for _, name := range slices.Sorted(maps.Keys(there.values)) {
		_, set := here.values[name]
		if _, inImage := image[name]; !set && !inImage && !ofPlatform(name) && there.values[name].known {
			only = append(only, name)
		}
	}
	if len(only) > 0 {
		row("environment of Kubernetes", service.At, there.values[only[0]].at, usual, "only Kubernetes sets %s", list(quoted(only)))
	}
}

// ofDevelopment says that a variable is one of tools that developers work with.
func ofDevelopment(name string) bool {
	for _, part := range []string{"DEBUG", "WATCH", "RELOAD", "CHOKIDAR", "LOG", "TZ", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DEV", "LOCAL", "TEST", "COMPOSE", "VERBOSE", "COLOR", "OTEL", "TRACE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if strings.Contains(strings.ToUpper(name), part) {
			return true
		}
	}
	return false
}

// ofPlatform says that a variable is one that only a cluster has a value for.
func ofPlatform(name string) bool {
	for _, part := range []string{"POD_", "NODE_NAME", "HOST_IP", "NAMESPACE", "KUBE", "K8S", "OTEL", "GOMEMLIMIT", "GOMAXPROCS", "CLUSTER", "REGION", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "LOG", "SERVICE_ACCOUNT", "TRACE", "PROFILER", "METRIC"} {
		if strings.Contains(strings.ToUpper(name), part) {
			return true
		}
	}
	return false
}

// driftOfData compares where data is kept: a named volume in Compose has a mount in
// Kubernetes.
func (s *ship) driftOfData(service *binding.Service, c *binding.Container, row addRow) {
	there := mounts(c)
	for _, m := range service.Mounts() {
		if m.Type != "volume" || m.Source == "" || m.ReadOnly || !m.Known || m.Target == "" || cache(m.Source+" "+m.Target) {
			continue
		}
		if !slices.ContainsFunc(there, func(o mount) bool { return covers(o.path, m.Target) || covers(m.Target, o.path) }) {
			row("volume["+m.Target+"]", m.At, c.At(), finding.Medium, "%q is a volume here and nothing is mounted there, so that its data goes with the pod", m.Target)
		}
	}
}

// cache says that a volume is one that may be lost.
func cache(text string) bool {
	for _, part := range []string{"cache", "node_modules", "vendor", "tmp", "gems", "bundle", ".m2", ".gradle", "cargo", "target", "venv", "/go/pkg", "packages", "log", "socket", "static", ".next", "dist", "build"} {
		if strings.Contains(strings.ToLower(text), part) {
			return true
		}
	}
	return false
}

// major is the first number of a tag that is a version.
func major(ref source.Image) string {
	text := strings.TrimPrefix(ref.Tag, "v")
	i := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if i < 0 {
		i = len(text)
	}
	if i == 0 || i > 4 || ref.Tag == "" {
		return ""
	}
	return path.Clean(text[:i])
}
