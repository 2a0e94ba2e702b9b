package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// walk is the state of one Tree.Read.
type walk struct {
	tree   *Tree
	seen   map[string]bool
	charts map[string]bool // whether a directory that was asked about is a chart's
	dirs   []string        // the directories that were named
	links  []fs.FileInfo   // what the judged files are, to drop links to them
	later  []link
	out    map[Kind]*Listing
}

// link is a symbolic link inside the tree, judged only when its target is not.
type link struct {
	name string
	kind Kind
}

// request judges what a person asked for: a directory is searched, a file or the
// matches of a glob are named. A kind of "" is told from the name.
func (w *walk) request(ctx context.Context, asked string, kind Kind) error {
	name, err := w.tree.relative(asked)
	if err != nil {
		w.unread(kind, asked, err)
		return nil
	}
	info, err := w.tree.root.Stat(filepath.FromSlash(name))
	switch {
	case err == nil && info.IsDir() && (kind == "" || kind == Kubernetes || kind == Compose):
		if name != "." {
			w.dirs = append(w.dirs, name)
		}
		return w.directory(ctx, name, kind)
	case err == nil || !isGlob(name):
		w.named(ctx, name, kind)
		return nil
	}
	matches := 0
	err = w.each(ctx, ".", func(found string, entry fs.DirEntry) {
		if ok, err := doublestar.Match(name, found); err == nil && ok {
			matches++
			w.named(ctx, found, kind)
		}
	})
	if err == nil && matches == 0 {
		w.unread(kind, asked, errors.New("matches no file; mend the pattern"))
	}
	return err
}

func isGlob(name string) bool { return strings.ContainsAny(name, "*?[{") }

// directory judges everything below dir that looks like a source; kind limits it.
func (w *walk) directory(ctx context.Context, dir string, kind Kind) error {
	return w.each(ctx, dir, func(name string, entry fs.DirEntry) {
		guess, sure := guessKind(name)
		if guess == "" {
			return
		}
		if kind != "" && guess != kind || kind == "" && w.tree.opts.named(guess) {
			return
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			w.later = append(w.later, link{name, guess})
			return
		}
		if entry.Type().IsRegular() {
			w.discovered(ctx, name, guess, sure)
		}
	})
}

// each visits the files below dir in the order of their names.
func (w *walk) each(ctx context.Context, dir string, visit func(string, fs.DirEntry)) error {
	err := fs.WalkDir(w.tree.root.FS(), dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && name == ".":
			return err
		case err != nil:
			w.unread("", name, cause(err))
			if entry != nil && entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			if name != dir && w.tree.skipDirs.Match(name) {
				return fs.SkipDir
			}
			return nil
		case !w.tree.skipFiles.Match(name):
			visit(name, entry)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing the tree: %w", err)
	}
	return nil
}

// named judges one file that somebody asked for.
func (w *walk) named(ctx context.Context, name string, kind Kind) {
	if kind == "" {
		if kind, _ = guessKind(name); kind == "" {
			kind = Dockerfile
		}
	}
	if key := string(kind) + "\x00" + name; w.seen[key] {
		// A search may have come by already; being named counts from now on.
		for _, f := range slices.Concat(w.out[kind].Files, w.out[kind].Kustomizations) {
			f.Named = f.Named || f.Path == name
		}
		return
	}
	w.take(ctx, name, kind, true)
}

// discovered judges a file that a search came by, when it is a source at all.
func (w *walk) discovered(ctx context.Context, name string, kind Kind, sure bool) {
	if w.seen[string(kind)+"\x00"+name] {
		return
	}
	if sure && kind == Dockerfile {
		if ext := path.Ext(name); slices.Contains(templateExts, ext) {
			w.note(kind, name+" is a template of a Dockerfile; it was not judged")
			return
		}
	}
	w.take(ctx, name, kind, false)
}

func (w *walk) take(ctx context.Context, name string, kind Kind, named bool) {
	w.seen[string(kind)+"\x00"+name] = true
	file, err := w.tree.load(name)
	if err != nil {
		switch {
		case !named && optional(kind, name):
			w.note(kind, fmt.Sprintf("%s %v; it was not judged", name, err))
		case named || kind != Kubernetes || !w.noManifest(ctx, name, err):
			w.unread(kind, name, err)
		}
		return
	}
	file.Named = named
	other := kind == Compose && !hasServices.MatchString(file.Text) || kind == Workflow && !isScript(strings.ToLower(path.Base(name))) && !hasSteps.MatchString(file.Text)
	if other && !named && looksLikeManifest(file.Text) {
		w.take(ctx, name, Kubernetes, false)
		return
	}
	if kind == Dockerfile && !named && strings.HasPrefix(path.Base(name), "Dockerfile.") && !hasFrom.MatchString(file.Text) {
		return // syntax files of editors and the like
	}
	if kind == Kubernetes {
		if isKustomization(name) {
			w.out[kind].Kustomizations = append(w.out[kind].Kustomizations, file)
			return
		}
		if path.Base(name) == "Chart.yaml" {
			w.chart(path.Dir(name), named)
			return
		}
		file.Chart = w.chartOf(name)
		if !named && !looksLikeManifest(file.Text) && !file.Template() {
			return
		}
	}
	if info, err := w.tree.root.Stat(filepath.FromSlash(name)); err == nil {
		w.links = append(w.links, info)
	}
	w.out[kind].Files = append(w.out[kind].Files, file)
}

// noManifest says of a YAML or JSON file that nobody named and that err keeps from
// being read whether it is plainly no manifest: it may be anything, but may as
// well be one.
func (w *walk) noManifest(ctx context.Context, name string, err error) bool {
	if _, large := errors.AsType[*sizeError](err); large {
		may, err := w.tree.mayBeManifest(ctx, name)
		return err == nil && !may
	}
	return errors.Is(err, errBinary)
}

// finish follows the links whose targets are not judged under their own name,
// and orders everything.
func (w *walk) finish(ctx context.Context) {
	for _, l := range w.later {
		info, err := w.tree.root.Stat(filepath.FromSlash(l.name))
		switch {
		case err != nil && l.kind != Kubernetes && !optional(l.kind, l.name):
			w.unread(l.kind, l.name, cause(err))
		case err != nil:
			w.note(l.kind, fmt.Sprintf("%s %v; it was not judged", l.name, cause(err)))
		case info.Mode().IsRegular() && !slices.ContainsFunc(w.links, func(known fs.FileInfo) bool { return os.SameFile(known, info) }):
			w.discovered(ctx, l.name, l.kind, l.kind == Dockerfile)
		}
	}
	for _, k := range w.out[Kubernetes].Kustomizations {
		k.Named = k.Named || slices.Contains(w.dirs, path.Dir(k.Path))
	}
	for _, dir := range w.dirs {
		if chart, ok := w.chartAround(dir); ok && !slices.Contains(w.out[Kubernetes].Charts, chart) {
			w.out[Kubernetes].Charts = append(w.out[Kubernetes].Charts, chart)
		}
	}
	for _, listing := range w.out {
		slices.SortFunc(listing.Files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
		slices.SortFunc(listing.Kustomizations, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
		slices.Sort(listing.Charts)
		slices.Sort(listing.Discovered)
	}
}

// chart notes a chart, which is asked for when its Chart.yaml is.
func (w *walk) chart(dir string, named bool) {
	listing := w.out[Kubernetes]
	if named && !slices.Contains(listing.Charts, dir) {
		listing.Charts = append(listing.Charts, dir)
	}
	if !slices.Contains(listing.Discovered, dir) {
		listing.Discovered = append(listing.Discovered, dir)
	}
}

// isChart says whether a directory is that of a Helm chart.
func (w *walk) isChart(dir string) bool {
	chart, known := w.charts[dir]
	if !known {
		info, err := w.tree.root.Stat(filepath.FromSlash(path.Join(dir, "Chart.yaml")))
		chart = err == nil && info.Mode().IsRegular()
		w.charts[dir] = chart
	}
	return chart
}

// chartOf returns the chart among whose templates a file is, "" when there is none.
func (w *walk) chartOf(name string) string {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && w.isChart(path.Dir(dir)) {
			return path.Dir(dir)
		}
	}
	return ""
}

// chartAround returns the chart that a directory is or is among the templates of.
func (w *walk) chartAround(dir string) (string, bool) {
	if w.isChart(dir) {
		return dir, true
	}
	chart := w.chartOf(path.Join(dir, "x"))
	return chart, chart != ""
}

func (w *walk) unread(kind Kind, name string, err error) {
	if kind == "" {
		if kind, _ = guessKind(name); kind == "" {
			kind = Dockerfile
		}
	}
	w.out[kind].Unread = append(w.out[kind].Unread, finding.Unread{
		Kind: finding.UnreadSource, Location: finding.Location{Path: filepath.ToSlash(name)}, Cause: err.Error(),
	})
}

// note tells of a file that is there and not judged.
func (w *walk) note(kind Kind, text string) {
	w.out[kind].Notes = append(w.out[kind].Notes, text)
	w.out[kind].Unjudged++
}

// project judges Compose files that a person asked for; names joined by ":" are
// one project.
func (w *walk) project(ctx context.Context, asked string) error {
	names := strings.Split(asked, ":")
	var project []string
	for _, name := range names {
		if err := w.request(ctx, name, Compose); err != nil {
			return err
		}
		if known, err := w.tree.relative(name); err == nil {
			project = append(project, known)
		}
	}
	if len(names) > 1 {
		w.out[Compose].Projects = append(w.out[Compose].Projects, project)
	}
	return nil
}
