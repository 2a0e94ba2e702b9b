package helm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"
)

// The bounds on the rendering of one chart. They lie far above what people write:
// the largest charts there are render to some 2 MB in half a second.
const (
	maxTime     = time.Minute // however busy the machine is
	maxOutput   = 64 << 20    // bytes that templates write, included ones too
	maxTicks    = 10_000_000  // things written, and calls of functions
	maxIncludes = 400         // templates inside one another
	maxText     = 8 << 20
	maxItems    = 200_000
	maxWeight   = 2_000_000 // values inside a value that is printed
)

// run is one execution of a chart's templates. Helm's own engine would do but for
// three things: it cannot be stopped, it does not say where its output comes from,
// and what it prints of random is another text each time.
type run struct {
	ctx      context.Context
	deadline time.Time
	marks    *marks
	files    map[string]*file
	included map[string]*sink // by what they came to

	written, ticks, depth, includes int
	bound                           error // the first one reached
}

// tick is called for all that is written. It fails when a bound is reached.
func (r *run) tick(n int) error {
	r.ticks++
	r.written += n
	switch {
	case r.bound != nil:
	case r.written > maxOutput:
		r.bound = errTooLong
	case r.ticks > maxTicks:
		r.bound = errTooSlow
	case r.ticks%256 == 0 && r.ctx.Err() != nil:
		r.bound = r.ctx.Err()
	case r.ticks%256 == 0 && time.Now().After(r.deadline):
		r.bound = errTooSlow
	}
	return r.bound
}

// unit is one template with what it sees.
type unit struct {
	file   *file
	values map[string]any
	base   string
}

// failure is a template that could not be parsed or executed.
type failure struct {
	unit   unit
	err    error
	parses bool // it is the values that it fails with
}

// execute parses all units and renders those that are no partials. What fails is
// left out, and the others are rendered all the same.
func (r *run) execute(units []unit) (map[string]*sink, []failure) {
	// Names deeper in the tree come first, so that a chart's own definitions win
	// over those of the charts that it depends on.
	slices.SortFunc(units, func(a, b unit) int {
		if c := strings.Count(b.file.name, "/") - strings.Count(a.file.name, "/"); c != 0 {
			return c
		}
		return strings.Compare(b.file.name, a.file.name)
	})
	t := template.New("gotpl").Option("missingkey=zero")
	t.Funcs(r.functions(t))
	var failures []failure
	var good []unit
	for _, u := range units {
		r.files[u.file.name] = u.file
		if _, err := t.New(u.file.name).Parse(u.file.text); err != nil {
			failures = append(failures, failure{unit: u, err: err})
			continue
		}
		good = append(good, u)
	}
	r.marks.set(t, r.files)
	rendered := map[string]*sink{}
	for _, u := range good {
		base := path.Base(u.file.name)
		if strings.HasPrefix(base, "_") || base == "NOTES.txt" {
			continue
		}
		u.values["Template"] = map[string]any{"Name": u.file.name, "BasePath": u.base}
		out := &sink{run: r}
		r.depth, r.includes = 0, 0
		err := r.render(t, u, out)
		if r.bound != nil {
			err = r.bound
		}
		if err != nil {
			failures = append(failures, failure{unit: u, err: err, parses: true})
			if r.bound != nil && !errors.Is(r.bound, errTooDeep) {
				break
			}
			r.bound = nil
			continue
		}
		rendered[u.file.name] = out
	}
	return rendered, failures
}

// render executes one template. A panic is an error here: templates come from
// outside and may reach into anything.
func (r *run) render(t *template.Template, u unit, out *sink) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the template engine gave up (%v)", p)
		}
	}()
	return t.ExecuteTemplate(out, u.file.name, u.values)
}

// include is the function of that name: a template as a text.
func (r *run) include(t *template.Template) func(string, any) (string, error) {
	return func(name string, data any) (string, error) {
		if r.includes++; r.includes > maxIncludes {
			r.bound = errTooDeep
			return "", errTooDeep
		}
		defer func() { r.includes-- }()
		depth := r.depth
		out := &sink{run: r}
		if err := t.ExecuteTemplate(out, name, data); err != nil {
			return "", err
		}
		r.depth = depth
		text := string(out.text)
		if strings.Contains(text, "\n") {
			r.included[normal(text)] = out
		}
		return text, nil
	}
}

// tpl is the function of that name: a text as a template, which sees all others.
func (r *run) tpl(parent *template.Template) func(string, any) (string, error) {
	return func(text string, data any) (string, error) {
		if r.includes++; r.includes > maxIncludes {
			r.bound = errTooDeep
			return "", errTooDeep
		}
		defer func() { r.includes-- }()
		if !strings.Contains(text, "{{") { // which most values are that might be templates
			return text, nil
		}
		t, err := parent.Clone()
		if err != nil {
			return "", fmt.Errorf("cloning templates: %w", err)
		}
		// A clone loses its options: golang.org/issue/43022.
		t.Option("missingkey=zero")
		t.Funcs(template.FuncMap{"include": r.include(t), "tpl": r.tpl(t)})
		t, err = t.New(tplName).Parse(text)
		if err != nil {
			return "", fmt.Errorf("reading the text %.100q as a template: %w", text, err)
		}
		r.marks.set(t, r.files)
		depth := r.depth
		out := &sink{run: r}
		if err := t.Execute(out, data); err != nil {
			return "", fmt.Errorf("rendering the text %.100q: %w", text, err)
		}
		r.depth = depth
		return string(out.text), nil
	}
}

// tplName is the template's that tpl parses; no file bears it.
const tplName = "tpl"
