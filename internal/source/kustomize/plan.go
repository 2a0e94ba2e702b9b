package kustomize

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// plan is what the kustomizations of one root say once all that would reach out of
// the tree is taken out: remote bases and files (which kustomize fetches by git and
// HTTP, whatever its options), charts, plugins.
type plan struct {
	*read

	root   string            // directory
	order  []string          // kustomizations in the order in which they were read
	texts  map[string][]byte // what kustomize is given instead of them
	notes  []string
	lacks  []string
	failed error // the first kustomization that could not be read, and why
}

// placeError is a problem with its place.
type placeError struct{ finding.Unread }

func (e *placeError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.Location.Path, e.Location.Line, e.Cause)
}

// kustomization returns what kustomize is given instead of one.
func (p *plan) kustomization(n string) ([]byte, error) {
	if text, ok := p.texts[n]; ok {
		return text, nil
	}
	content, err := p.tree.Content(n)
	if err != nil {
		return nil, fmt.Errorf("%s %w", n, err)
	}
	if err := p.check(n, content); err != nil {
		return nil, err
	}
	var k types.Kustomization
	if err := k.Unmarshal(content); err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	k.FixKustomization()
	p.order = append(p.order, n)
	(&local{plan: p, file: n, dir: path.Dir(n)}).clean(&k)
	if path.Dir(n) == p.root {
		k.BuildMetadata = []string{types.OriginAnnotations}
	}
	text, err := sigsyaml.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	p.texts[n] = text
	return text, nil
}

// local takes out of one kustomization what is not in the tree.
type local struct {
	plan      *plan
	file, dir string
}

func (l *local) note(format string, args ...any) {
	l.plan.notes = append(l.plan.notes, l.file+": "+fmt.Sprintf(format, args...))
}

// path returns a reference in the form that kustomize takes for nothing but a path,
// and whether the tree holds it.
func (l *local) path(reference string, dirs bool) (string, bool) {
	if reference == "" {
		return "", false
	}
	if remote(reference) {
		l.note("%q is not in the tree and was not fetched; what it brings was not judged", reference)
		return "", false
	}
	full, ok := source.Clean(l.dir, reference)
	if !ok {
		l.note("%q lies outside the tree and was not read", reference)
		return "", false
	}
	info, err := l.plan.tree.Stat(full)
	if err != nil || info.IsDir() && !dirs {
		l.plan.lacks = append(l.plan.lacks, fmt.Sprintf("%q", reference))
		return "", false
	}
	return "./" + path.Clean(reference), true
}

// remote says whether kustomize would take a reference for one to another place.
func remote(reference string) bool {
	lower := strings.ToLower(reference)
	return strings.Contains(lower, "://") || strings.HasPrefix(lower, "git::") || strings.HasPrefix(lower, "git@") ||
		strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:") || strings.Contains(lower, "?ref=")
}

func (l *local) paths(references []string, dirs bool) []string {
	var kept []string
	for _, r := range references {
		if p, ok := l.path(r, dirs); ok {
			kept = append(kept, p)
		}
	}
	return kept
}

// clean changes a kustomization so that it refers to the tree only, and says what
// it lost. Deprecated fields become those that replaced them, as kustomize says on
// stderr that they should.
func (l *local) clean(k *types.Kustomization) {
	k.Resources = l.paths(k.Resources, true)
	k.Components = l.paths(k.Components, true)
	k.Crds = l.paths(k.Crds, false)
	k.Configurations = l.paths(k.Configurations, false)
	k.Generators = l.plugins(k.Generators)
	k.Transformers = l.plugins(k.Transformers)
	k.Validators = nil // they change nothing
	if p, ok := l.path(k.OpenAPI["path"], false); ok {
		k.OpenAPI["path"] = p
	} else {
		delete(k.OpenAPI, "path")
	}
	if len(k.HelmCharts) > 0 {
		l.note("its helmCharts are not rendered")
	}
	k.HelmCharts, k.HelmGlobals = nil, nil
	l.patches(k)
	for i := range k.Replacements {
		if k.Replacements[i].Path != "" {
			k.Replacements[i].Path, _ = l.path(k.Replacements[i].Path, false)
		}
	}
	k.Replacements = slices.DeleteFunc(k.Replacements, func(r types.ReplacementField) bool {
		return r.Path == "" && r.Source == nil
	})
	var maps []types.ConfigMapArgs
	for _, g := range k.ConfigMapGenerator {
		if l.generator(&g.KvPairSources, g.Name) {
			maps = append(maps, g)
		}
	}
	var secrets []types.SecretArgs
	for _, g := range k.SecretGenerator {
		if l.generator(&g.KvPairSources, g.Name) {
			secrets = append(secrets, g)
		}
	}
	k.ConfigMapGenerator, k.SecretGenerator = maps, secrets
	if len(k.CommonLabels) > 0 && len(k.Labels) == 0 { //nolint:staticcheck // people still write it
		k.Labels = []types.Label{{Pairs: k.CommonLabels, IncludeSelectors: true}} //nolint:staticcheck // see above
		k.CommonLabels = nil                                                      //nolint:staticcheck // see above
	}
	k.BuildMetadata = nil
}

// patches keeps those whose files are there.
func (l *local) patches(k *types.Kustomization) {
	var kept []types.Patch
	for _, s := range k.PatchesStrategicMerge { //nolint:staticcheck // people still write it
		text := string(s)
		if strings.Contains(text, "\n") || strings.Contains(text, ": ") {
			kept = append(kept, types.Patch{Patch: text})
		} else {
			kept = append(kept, types.Patch{Path: text})
		}
	}
	kept = slices.Concat(kept, k.Patches, k.PatchesJson6902)              //nolint:staticcheck // people still write it
	k.PatchesStrategicMerge, k.PatchesJson6902, k.Patches = nil, nil, nil //nolint:staticcheck // likewise
	for _, patch := range kept {
		if patch.Path != "" {
			p, ok := l.path(patch.Path, false)
			if !ok {
				continue
			}
			patch.Path = p
		}
		k.Patches = append(k.Patches, patch)
	}
}

// generator brings the files of a generator into form, in place. It is false when
// nobody can know the keys that it makes. A file that is kept out of the tree, such
// as a secret, still gives its key.
func (l *local) generator(from *types.KvPairSources, of string) bool {
	for i, s := range from.EnvSources {
		p, ok := l.path(s, false)
		if !ok {
			l.note("%q is made of files that are not in the tree and was not judged", of)
			return false
		}
		from.EnvSources[i] = p
	}
	var kept []string
	for _, s := range from.FileSources {
		key, file, named := strings.Cut(s, "=")
		if !named {
			key, file = path.Base(s), s
		}
		if p, ok := l.path(file, false); ok {
			kept = append(kept, key+"="+p)
		} else {
			from.LiteralSources = append(from.LiteralSources, key+"=")
		}
	}
	from.FileSources = kept
	return true
}

// plugins keeps the configurations of kustomize's own generators and transformers
// that name nothing remote.
func (l *local) plugins(entries []string) []string {
	var kept []string
	for _, entry := range entries {
		if strings.Contains(entry, "\n") { // the configuration itself
			src, err := source.NewFile(l.file, []byte(entry))
			if err != nil {
				continue
			}
			parsed, unread := yaml.Parse(src, maxNodes)
			if len(unread) == 0 && builtin(parsed) {
				kept = append(kept, entry)
				continue
			}
			l.note("a plugin is not run, and what it would change was judged as it stands")
			continue
		}
		p, ok := l.path(entry, false)
		if !ok {
			continue
		}
		full, _ := source.Clean(l.dir, p)
		content, err := l.plan.tree.Content(full)
		if err == nil && l.plan.check(full, content) == nil && builtin(l.plan.parsed[full]) {
			kept = append(kept, p)
			continue
		}
		l.note("the plugin %q is not run, and what it would change was judged as it stands", entry)
	}
	return kept
}

// builtin says that all documents configure what is part of kustomize, reads local
// files only and runs nothing.
func builtin(f *yaml.File) bool {
	if f == nil || len(f.Documents) == 0 {
		return false
	}
	for _, d := range f.Documents {
		annotations := d.Get("metadata").Get("annotations")
		if d.Get("apiVersion").Text() != "builtin" || strings.HasPrefix(d.Get("kind").Text(), "Helm") ||
			len(annotations.Entries()) > 0 || reachesOut(d, 0) {
			return false
		}
	}
	return true
}

func reachesOut(n yaml.Node, depth int) bool {
	if depth > 50 || strings.Contains(n.Text(), ":") && remote(n.Text()) {
		return true
	}
	for _, e := range n.Entries() {
		if reachesOut(e.Key, depth+1) || reachesOut(e.Value, depth+1) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items(), func(item yaml.Node) bool { return reachesOut(item, depth+1) })
}
