package compose

import (
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Service is one service, all of its files merged.
type Service struct {
	Project *Project
	Name    string
	// Value is the service in canonical form: environment, labels, depends_on,
	// networks and build are mappings however they were written.
	Value Value
	// At is the name of the service in the first file that has it.
	At finding.Location
	// Partial says that other files have a part in the service which is not known
	// here: nothing can be said of what is absent.
	Partial bool
}

// Get returns the value of a key of the service.
func (s *Service) Get(key string) Value { return s.Value.Get(key) }

// Subject names the service in findings and fingerprints.
func (s *Service) Subject() string { return s.Project.Path + "#" + s.Name }

// Built says that the project builds the service's image.
func (s *Service) Built() bool { return s.Get("build").Exists() }

// Image returns the reference that the service pulls, and whether it is known and
// not the name of something that the project builds.
func (s *Service) Image() (source.Image, bool) {
	v := s.Get("image")
	if s.Built() || !v.Known || v.Text == "" {
		return source.Image{}, false
	}
	if s.Project.built[v.Text] {
		return source.Image{}, false
	}
	return source.ParseImage(v.Text)
}

// Repository is the last part of the name of the service's image, in lower case
// and whatever its tag: "postgres". It is "" when it is not known.
func (s *Service) Repository() string {
	text, _, _ := strings.Cut(s.Get("image").Node.Text(), "@")
	if i := strings.Index(text, "${"); i > 0 {
		text = text[:i]
	}
	text = path.Base(text)
	text, _, _ = strings.Cut(text, ":")
	if strings.Contains(text, "$") || text == "." {
		return ""
	}
	return strings.ToLower(text)
}

// Dependency is one entry of depends_on.
type Dependency struct {
	Name string
	// Condition is service_started when none is written.
	Condition string
	Required  bool
	At        finding.Location
}

// Dependencies are those of depends_on.
func (s *Service) Dependencies() []Dependency {
	var all []Dependency
	for _, e := range s.Get("depends_on").Entries {
		d := Dependency{Name: e.Name, Condition: "service_started", Required: !e.Value.Get("required").False(), At: e.At()}
		if c := e.Value.Get("condition"); c.IsScalar() {
			d.Condition = c.Text
		}
		all = append(all, d)
	}
	return all
}

// Limit returns what bounds a resource ("memory", "cpus", "pids"), in the form of
// deploy or in the older one.
func (s *Service) Limit(resource string) Value {
	limits := s.Get("deploy").Get("resources").Get("limits")
	if v := limits.Get(resource); !v.IsNull() {
		return v
	}
	older := map[string][]string{"memory": {"mem_limit"}, "cpus": {"cpus", "cpu_quota"}, "pids": {"pids_limit"}}
	for _, key := range older[resource] {
		if v := s.Get(key); !v.IsNull() {
			return v
		}
	}
	return Value{}
}

// Restart returns the restart policy in force, "" for none and "?" for one that is
// not known.
func (s *Service) Restart() string {
	if v := s.Get("deploy").Get("restart_policy"); v.Exists() {
		if c := v.Get("condition"); c.IsScalar() {
			return c.Text
		}
		return "any"
	}
	v := s.Get("restart")
	switch {
	case !v.IsScalar():
		return ""
	case !v.Known:
		return "?"
	}
	return v.Text
}

// OneShot says that the service is meant to run to its end: somebody waits for
// that, it is said never to restart, or it runs only when asked for.
func (s *Service) OneShot() bool {
	policy := s.Restart()
	return len(s.Get("profiles").Items) > 0 || policy == "no" || policy == "none" || strings.HasPrefix(policy, "on-failure") || s.Project.awaited[s.Name]
}

// Grant is one use of a secret or config.
type Grant struct {
	Name string // "" when it is not known
	At   finding.Location
}

func readGrant(v Value) Grant {
	name := v
	if !v.IsScalar() {
		name = v.Get("source")
	}
	if !name.Known {
		return Grant{At: v.At()}
	}
	return Grant{name.Text, name.At()}
}

// Grants are the uses of "secrets" or "configs" by the service.
func (s *Service) Grants(kind string) []Grant {
	var all []Grant
	for _, item := range s.Get(kind).Items {
		all = append(all, readGrant(item))
	}
	return all
}

// NamedFile is a file that a project names.
type NamedFile struct {
	// Path is relative to the tree; "" when it is not known or lies outside.
	Path string
	// Text is what is written.
	Text     string
	Required bool
	At       finding.Location
}

// EnvFiles are those of env_file.
func (s *Service) EnvFiles() []NamedFile {
	v := s.Get("env_file")
	items := v.Items
	if v.IsScalar() {
		items = []Value{v}
	}
	var all []NamedFile
	for _, item := range items {
		name, required := item, true
		if !item.IsScalar() {
			name, required = item.Get("path"), !item.Get("required").False()
		}
		all = append(all, s.Project.file(name, required))
	}
	return all
}

// Healthcheck says what the service says of its health.
type Healthcheck struct {
	// Set says that there is a test; Disabled that there is none on purpose.
	Set, Disabled bool
	Value         Value
	Test          Value
}

// Healthcheck returns the check that the service declares.
func (s *Service) Healthcheck() Healthcheck {
	v := s.Get("healthcheck")
	h := Healthcheck{Value: v, Test: v.Get("test")}
	h.Disabled = v.Get("disable").True()
	if items := h.Test.Items; len(items) > 0 && items[0].Text == "NONE" {
		h.Disabled = true
	}
	h.Set = !h.Disabled && (h.Test.IsScalar() && h.Test.Node.Text() != "" || len(h.Test.Items) > 1)
	return h
}

// Words are what a command, entrypoint or test says, one text per item: one for
// the string form.
func (v Value) Words() []Value {
	if v.IsScalar() {
		return []Value{v}
	}
	return v.Items
}
