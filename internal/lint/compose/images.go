package compose

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// dockerfileOf returns the Dockerfile that a service is built from, nil when it is
// not known here.
func (pr *project) dockerfileOf(s *compose.Service) *dockerfile.File {
	f, known := pr.built[s.Name]
	if !known {
		f = pr.readDockerfile(s)
		pr.built[s.Name] = f
	}
	return f
}

func (pr *project) readDockerfile(s *compose.Service) *dockerfile.File {
	build := s.Get("build")
	if !build.Exists() || build.Get("dockerfile_inline").Exists() || pr.tree == nil {
		return nil
	}
	dir := pr.Locate(build.Get("context"))
	if !build.Get("context").Exists() {
		dir = pr.Dir
	}
	name := "Dockerfile"
	if v := build.Get("dockerfile"); v.Exists() {
		if !v.Known {
			return nil
		}
		name = v.Text
	}
	if dir == "" || strings.HasPrefix(name, "/") || strings.Contains(name, "..") {
		return nil
	}
	src, err := pr.tree.File(strings.TrimPrefix(dir+"/"+name, "./"))
	if err != nil {
		return nil
	}
	args := map[string]string{}
	for _, e := range build.Get("args").Entries {
		if e.Value.Known {
			args[e.Name] = e.Value.Text
		}
	}
	target := build.Get("target")
	if target.Exists() && !target.Known {
		return nil
	}
	f, unread := dockerfile.Parse(src, dockerfile.Build{Args: args, Target: target.Text})
	if f == nil || len(unread) > 0 || len(f.Stages) == 0 {
		return nil
	}
	return f
}

// uncheckedImages are official images that have no HEALTHCHECK of their own:
// Docker's rules for them ask that they have none.
var uncheckedImages = []string{
	"postgres", "mysql", "mariadb", "redis", "valkey", "mongo", "rabbitmq", "memcached", "nginx", "httpd", "node", "python", "alpine", "debian",
	"ubuntu", "busybox", "golang", "php", "ruby", "eclipse-temurin", "caddy", "haproxy", "zookeeper", "cassandra",
}

// unchecked says that an image is known to have no health check.
func unchecked(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	return slices.Contains(uncheckedImages, name)
}
