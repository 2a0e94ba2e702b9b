package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// The bounds on what a chart is made of, all charts that it depends on included.
const (
	maxFiles = 5000
	maxBytes = 64 << 20
	maxSize  = 5 << 20 // of one file, as in Helm
	maxNests = 4       // archives inside archives
	maxNodes = 300_000 // values of one file of values with every alias followed
)

// load is a chart as it is read from the tree.
type load struct {
	ctx  context.Context
	tree *source.Tree
	// names maps a file's bytes, by their address, to its path in the tree. The chart's
	// model keeps the bytes and forgets where they were.
	names map[*byte]string
	used  []string
	bytes int
	files int
}

// chart reads the chart in dir. It fails when Helm could not read it either or a
// bound is reached.
func (l *load) chart(dir string) (*chart.Chart, error) {
	files, err := l.directory(dir, 0)
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

// directory lists the files of a chart in the tree, archives in charts/ taken apart
// and charts that it names by "file://" put there.
func (l *load) directory(dir string, level int) ([]*archive.BufferedFile, error) {
	rules := ignore.Empty()
	if content, err := l.tree.Content(path.Join(dir, ignore.HelmIgnore)); err == nil {
		if rules, err = ignore.Parse(bytes.NewReader(content)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", ignore.HelmIgnore, err)
		}
	}
	rules.AddDefaults()
	inside := func(name string) string {
		if dir == "." {
			return name
		}
		return strings.TrimPrefix(name, dir+"/")
	}
	names, err := l.tree.Below(dir, maxFiles, func(name string, info fs.FileInfo) bool {
		return path.Base(name) == ".git" || rules.Ignore(inside(name), info)
	})
	if err != nil {
		return nil, err
	}
	var files []*archive.BufferedFile
	for _, name := range names {
		inside := inside(name)
		content, err := l.read(name)
		if err != nil {
			return nil, err
		}
		if isArchive(inside) {
			inner, err := l.unpack(inside, content, level+1)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", inside, err)
			}
			l.used = append(l.used, name)
			files = append(files, inner...)
			continue
		}
		if err := l.check(name, inside, content); err != nil {
			return nil, err
		}
		files = append(files, &archive.BufferedFile{Name: inside, Data: content})
		if strings.HasPrefix(inside, "templates/") || strings.HasPrefix(inside, "charts/") || inside == "Chart.yaml" || inside == "values.yaml" {
			l.used = append(l.used, name)
		}
	}
	return l.local(dir, files, level)
}

// isArchive is true of a chart that a chart depends on, packed: "charts/redis-1.0.0.tgz".
func isArchive(inside string) bool {
	dir, name := path.Split(inside)
	return path.Base(dir) == "charts" && path.Ext(name) == ".tgz" && !strings.ContainsAny(name[:1], "_.")
}

// read takes one file within the bounds, without a byte order mark.
func (l *load) read(name string) ([]byte, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	content, err := l.tree.Content(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := l.count(len(content)); err != nil {
		return nil, err
	}
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	if len(content) > 0 {
		l.names[&content[0]] = name
	}
	return content, nil
}

var errLarge = fmt.Errorf("holds more than %d files or %d bytes; skip it, or keep what is no part of it out with %s", maxFiles, maxBytes, ignore.HelmIgnore)

func (l *load) count(n int) error {
	l.files++
	l.bytes += n
	if l.files > maxFiles || l.bytes > maxBytes {
		return errLarge
	}
	return nil
}

// unpack lists the files of a packed chart as those of a directory beside it.
func (l *load) unpack(inside string, content []byte, level int) ([]*archive.BufferedFile, error) {
	if level > maxNests {
		return nil, errors.New("holds archives inside archives without end; unpack them")
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	into := strings.TrimSuffix(inside, ".tgz")
	var files []*archive.BufferedFile
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		_, name, ok := strings.Cut(path.Clean("/" + strings.ReplaceAll(header.Name, `\`, "/"))[1:], "/")
		if !ok {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(reader, maxSize+1))
		if err != nil {
			return nil, err
		}
		if len(content) > maxSize {
			return nil, fmt.Errorf("%s in it holds more than %d bytes", name, maxSize)
		}
		if err := l.count(len(content)); err != nil {
			return nil, err
		}
		name = path.Join(into, name)
		if isArchive(name) {
			inner, err := l.unpack(name, content, level+1)
			if err != nil {
				return nil, fmt.Errorf("%s in it: %w", name, err)
			}
			files = append(files, inner...)
			continue
		}
		if err := l.check("", path.Base(name), content); err != nil {
			return nil, err
		}
		files = append(files, &archive.BufferedFile{Name: name, Data: bytes.TrimPrefix(content, []byte("\uFEFF"))})
	}
}

// check looks at the YAML that Helm decodes before it does: aliases that make much
// of little are followed there. name is empty for a file in an archive.
func (l *load) check(name, inside string, content []byte) error {
	switch path.Base(inside) {
	case "Chart.yaml", "Chart.lock", "values.yaml", "requirements.yaml", "requirements.lock":
	default:
		return nil
	}
	at := name
	if at == "" {
		at = inside
	}
	src, err := source.NewFile(at, content)
	if err != nil {
		return fmt.Errorf("%s %w", at, err)
	}
	_, unread := yaml.Parse(src, maxNodes)
	for _, u := range unread {
		// Helm takes the last of two equal keys, which is the file's own affair.
		if strings.Contains(u.Cause, "stands twice") {
			continue
		}
		return &placeError{u}
	}
	return nil
}

// placeError is a problem with its place.
type placeError struct{ finding.Unread }

func (e *placeError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.Location.Path, e.Location.Line, e.Cause)
}

// local adds the charts beside this one that it names by "file://": "helm
// dependency build" would pack them into charts/.
func (l *load) local(dir string, files []*archive.BufferedFile, level int) ([]*archive.BufferedFile, error) {
	metadata := chartOf(files)
	if metadata == nil {
		return files, nil
	}
	for _, d := range metadata.Dependencies {
		if d == nil {
			continue
		}
		relative, isLocal := strings.CutPrefix(d.Repository, "file://")
		beside, inside := source.Clean(dir, relative)
		if !isLocal || !inside || there(files, d.Name) || level >= maxNests {
			continue
		}
		if info, err := l.tree.Stat(path.Join(beside, "Chart.yaml")); err != nil || !info.Mode().IsRegular() {
			continue // it is missing, which is told of any dependency
		}
		inner, err := l.directory(beside, level+1)
		if err != nil {
			return nil, err
		}
		for _, f := range inner {
			files = append(files, &archive.BufferedFile{Name: path.Join("charts", d.Name, f.Name), Data: f.Data})
		}
	}
	return files, nil
}

// chartOf reads Chart.yaml and requirements.yaml among files.
func chartOf(files []*archive.BufferedFile) *chart.Metadata {
	var own []*archive.BufferedFile
	for _, f := range files {
		if f.Name == "Chart.yaml" || f.Name == "requirements.yaml" {
			own = append(own, f)
		}
	}
	c, err := loader.LoadFiles(own)
	if err != nil {
		return nil
	}
	return c.Metadata
}

// there says whether a chart of that name lies in charts/ already.
func there(files []*archive.BufferedFile, name string) bool {
	for _, f := range files {
		if rest, ok := strings.CutPrefix(f.Name, "charts/"); ok {
			dir, file, _ := strings.Cut(rest, "/")
			if file == "Chart.yaml" && (dir == name || strings.HasPrefix(dir, name+"-")) {
				return true
			}
		}
	}
	return false
}
