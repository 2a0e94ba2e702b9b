// Package helm renders charts in process. The chart's model, values and
// dependencies are Helm's; the templates are executed here, within bounds, and with
// the place in the templates of everything that comes out.
package helm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Renderer renders charts.
type Renderer struct{}

// New returns a renderer. It costs nothing before it is used.
func New() *Renderer { return &Renderer{} }

// Render renders the chart in root.Dir with its own values and those of
// root.Values. It fails only when ctx ends.
func (*Renderer) Render(ctx context.Context, tree *source.Tree, root kubernetes.Root) (*kubernetes.Rendering, error) {
	r := &rendering{load: load{ctx: ctx, tree: tree, names: map[*byte]string{}}, root: root, out: &kubernetes.Rendering{}}
	if err := r.render(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("rendering the chart %s: %w", root.Dir, ctx.Err())
		}
		r.unread(err)
	}
	r.out.Used = r.used
	return r.out, nil
}

type rendering struct {
	load
	root kubernetes.Root
	out  *kubernetes.Rendering
	// archived says where templates in archives are told: where the chart names the
	// one that brings them.
	archived func(template string) finding.Location
}

func (r *rendering) manifest() string { return path.Join(r.root.Dir, "Chart.yaml") }

// unread records that the chart could not be rendered.
func (r *rendering) unread(err error) {
	if placed, ok := errors.AsType[*placeError](err); ok {
		r.out.Unread = append(r.out.Unread, placed.Unread)
		return
	}
	r.out.Unread = append(r.out.Unread, finding.Unread{
		Kind: finding.UnreadSource, Location: finding.Location{Path: r.manifest()},
		Cause: fmt.Sprintf("the chart cannot be rendered: %v", err),
	})
}

// render fails when nothing of the chart could be rendered.
func (r *rendering) render() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the library of Helm gave up (%v)", p)
		}
	}()
	c, top, err := r.prepare()
	if err != nil || c.Metadata.Type == "library" {
		return err
	}
	var units []unit
	if _, err := r.units(c, top, &units); err != nil {
		return err
	}
	execution := &run{
		ctx: r.ctx, deadline: time.Now().Add(maxTime), marks: newMarks(),
		files: map[string]*file{}, included: map[string]*sink{},
	}
	rendered, failures := execution.execute(units)
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.archived = r.dependencies()
	r.tell(units, rendered)
	r.fail(failures, execution.files, missing(c))
	return nil
}

// prepare reads the chart and joins all values. A library has none.
func (r *rendering) prepare() (*chartv2.Chart, common.Values, error) {
	c, err := r.chart(r.root.Dir)
	if err != nil {
		return nil, nil, err
	}
	if c.Metadata.Type == "library" {
		r.out.Notes = append(r.out.Notes, "chart "+r.root.Dir+" is a library, which is judged in the charts that use it")
		return c, nil, nil
	}
	values, err := r.values()
	if err != nil {
		return nil, nil, err
	}
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return nil, nil, fmt.Errorf("choosing the charts that it depends on: %w", err)
	}
	caps := capabilities(r.root.Version)
	if v := c.Metadata.KubeVersion; v != "" && !chartutil.IsCompatibleRange(v, caps.KubeVersion.String()) {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("chart %s wants Kubernetes %q and is judged for %s", r.root.Dir, v, r.root.Version))
	}
	// The schema of values is not asked: it may refer to the network.
	top, err := commonutil.ToRenderValuesWithSchemaValidation(c, values, common.ReleaseOptions{
		Name: c.Name(), Namespace: kubernetes.ReleaseNamespace, Revision: 1, IsInstall: true,
	}, caps, true)
	if err != nil {
		return nil, nil, fmt.Errorf("joining values: %w", err)
	}
	return c, top, nil
}

// values merges the files of values that were named.
func (r *rendering) values() (map[string]any, error) {
	values := map[string]any{}
	for _, name := range r.root.Values {
		content, err := r.read(name)
		if err != nil {
			return nil, err
		}
		if err := r.check(name, "values.yaml", content); err != nil {
			return nil, err
		}
		more, err := loader.LoadValues(strings.NewReader(string(content)))
		if err != nil {
			return nil, fmt.Errorf("reading the values in %s: %w", name, err)
		}
		values = loader.MergeMaps(values, more)
	}
	return values, nil
}

// units lists the templates of a chart and of those that it depends on, each with
// what it sees, and returns what the chart itself sees.
func (r *rendering) units(c *chartv2.Chart, above common.Values, units *[]unit) (map[string]any, error) {
	accessor, err := chart.NewAccessor(c)
	if err != nil {
		return nil, fmt.Errorf("reading the chart %s: %w", c.Name(), err)
	}
	metadata := accessor.MetadataAsMap()
	metadata["IsRoot"] = c.IsRoot()
	sub := map[string]any{}
	sees := map[string]any{
		"Chart": metadata, "Files": filesOf(c.Files), "Release": above["Release"], "Capabilities": above["Capabilities"],
		"Values": common.Values{}, "Subcharts": sub,
	}
	if c.IsRoot() {
		sees["Values"] = above["Values"]
	} else if own, err := above.Table("Values." + c.Name()); err == nil {
		sees["Values"] = own
	}
	for _, d := range c.Dependencies() {
		if sub[d.Name()], err = r.units(d, sees, units); err != nil {
			return nil, err
		}
	}
	full := c.ChartFullPath()
	for _, t := range c.Templates {
		if t == nil || c.Metadata.Type == "library" && !strings.HasPrefix(path.Base(t.Name), "_") {
			continue
		}
		f := &file{name: path.Join(full, t.Name), text: string(t.Data)}
		if len(t.Data) > 0 && r.names[&t.Data[0]] != "" {
			name := r.names[&t.Data[0]]
			src, err := source.NewFile(name, t.Data)
			if err != nil {
				r.out.Unread = append(r.out.Unread, finding.Unread{Kind: finding.UnreadSource, Location: finding.Location{Path: name}, Cause: err.Error()})
				continue
			}
			f.src, f.text = src, src.Text
		}
		*units = append(*units, unit{file: f, values: sees, base: path.Join(full, "templates")})
	}
	return sees, nil
}

// tell gives out what the templates rendered to.
func (r *rendering) tell(units []unit, rendered map[string]*sink) {
	for _, u := range units {
		out := rendered[u.file.name]
		if out == nil {
			continue
		}
		if blank(string(out.text)) {
			if u.file.src != nil {
				r.out.Empty = append(r.out.Empty, u.file.src.Path)
			}
			continue
		}
		m := kubernetes.Manifest{Path: r.manifest(), Text: string(out.text), Place: func(start, end int) finding.Location {
			if at, ok := out.place(start, end); ok {
				return at
			}
			at := r.archived(u.file.name)
			at.Note = kubernetes.Approximate + ": " + u.file.name
			return at
		}}
		if u.file.src != nil {
			m.Path = u.file.src.Path
			if r.tree.Skipped(m.Path) {
				continue
			}
		}
		r.out.Manifests = append(r.out.Manifests, m)
	}
	slices.SortStableFunc(r.out.Manifests, func(a, b kubernetes.Manifest) int { return strings.Compare(a.Path, b.Path) })
}

// blank says that a text holds nothing but white space, comments and separators.
func blank(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line != "---" {
			return false
		}
	}
	return true
}
