package source

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// templateExts mark a Dockerfile that something renders first.
var templateExts = []string{".tmpl", ".template", ".tpl", ".gotmpl", ".j2", ".jinja", ".jinja2", ".erb", ".in", ".mustache", ".hbs", ".m4"}

// otherExts mark what only bears a Dockerfile's name.
var otherExts = []string{
	".dockerignore", ".md", ".rst", ".adoc", ".html", ".orig", ".bak", ".rej", ".swp", ".patch", ".diff", ".pin",
	".go", ".py", ".sh", ".js", ".ts", ".rb", ".php", ".java", ".json", ".yaml", ".yml", ".toml", ".lock", ".snap",
}

// guessKind tells a kind from a name, and whether the name alone is enough.
func guessKind(name string) (kind Kind, sure bool) {
	base := path.Base(name)
	ext := strings.ToLower(path.Ext(base))
	switch lower := strings.ToLower(base); {
	case isWorkflow(name, lower):
		return Workflow, false
	case lower == "dockerfile" || lower == "containerfile" || ext == ".dockerfile" || ext == ".containerfile":
		return Dockerfile, true
	case (strings.HasPrefix(base, "Dockerfile.") || strings.HasPrefix(base, "Containerfile.")) && !slices.Contains(otherExts, ext):
		return Dockerfile, true
	case isScript(lower):
		return Workflow, true
	case isCompose(lower):
		return Compose, true
	case base == "Kustomization" || ext == ".yaml" || ext == ".yml" || ext == ".json":
		return Kubernetes, false
	}
	return "", false
}

func isKustomization(name string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(name))
}

// isCompose knows the names of Compose files, and of their parts for one purpose:
// "compose.yaml", "docker-compose.prod.yml", "compose-dev.yaml", "docker-stack.yml".
func isCompose(lower string) bool {
	stem, ok := strings.CutSuffix(lower, ".yaml")
	if !ok {
		stem, ok = strings.CutSuffix(lower, ".yml")
	}
	if !ok {
		return false
	}
	for _, name := range []string{"compose", "docker-compose", "docker-stack"} {
		if rest, ok := strings.CutPrefix(stem, name); ok && (rest == "" || strings.ContainsAny(rest[:1], ".-_")) {
			return true
		}
	}
	return false
}

// isWorkflow knows where GitHub's workflows lie, and how actions are named.
func isWorkflow(name, lower string) bool {
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
		return false
	}
	dir := path.Dir(name)
	return dir == ".github/workflows" || strings.HasSuffix(dir, "/.github/workflows") || lower == "action.yml" || lower == "action.yaml"
}

// isScript knows the names of shell scripts and Makefiles. A script without an
// ending is judged only when it is named: its first line would have to be read.
func isScript(lower string) bool {
	switch path.Ext(lower) {
	case ".sh", ".bash", ".mk":
		return true
	}
	return lower == "makefile" || lower == "gnumakefile"
}

// optional says of a file that nobody named that not being able to read it is no
// failure: most scripts never touch what ships.
func optional(kind Kind, name string) bool {
	return kind == Workflow && isScript(strings.ToLower(path.Base(name)))
}

// named says that somebody names all files of a kind, so that none are looked for.
func (o *Options) named(kind Kind) bool {
	return kind == Kubernetes && len(o.Manifests) > 0 || kind == Compose && len(o.ComposeFiles) > 0
}

var (
	hasServices   = regexp.MustCompile(`(?m)^["']?services["']?\s*:`)
	hasSteps      = regexp.MustCompile(`(?m)^["']?(?:runs|jobs)["']?\s*:`)
	hasFrom       = regexp.MustCompile(`(?im)^\s*FROM\s`)
	hasAPIVersion = regexp.MustCompile(`(?m)(^|[\s{,"'-])apiVersion["']?\s*:`)
	hasKind       = regexp.MustCompile(`(?m)(^|[\s{,"'-])kind["']?\s*:`)
)

// looksLikeManifest is true of a text that holds both keys every Kubernetes
// object has. It is generous: what is no object is passed over after parsing.
func looksLikeManifest(text string) bool {
	return strings.Contains(text, "apiVersion") && hasAPIVersion.MatchString(text) && hasKind.MatchString(text)
}
