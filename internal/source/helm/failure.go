package helm

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// maxFailures is how many templates of one chart are told that could not be rendered.
const maxFailures = 5

// fail tells what could not be rendered, and what of it is for lack of charts that
// this one depends on.
func (r *rendering) fail(failures []failure, files map[string]*file, missing []string) {
	var records []finding.Unread
	more := 0
	asks := len(failures) > 0
	for _, f := range failures {
		if len(missing) > 0 && lacking.MatchString(f.err.Error()) {
			more++
			continue
		}
		_, asked := errors.AsType[*askedError](f.err)
		asks = asks && asked
		u := r.record(f, files)
		if !slices.Contains(records, u) {
			records = append(records, u)
		}
	}
	if len(records) > maxFailures {
		rest := len(records) - maxFailures
		records = records[:maxFailures]
		records[maxFailures-1].Cause += fmt.Sprintf("; %d more templates of the chart cannot be rendered either", rest)
	}
	if asks {
		r.out.Asks = append(r.out.Asks, records...)
	} else {
		r.out.Unread = append(r.out.Unread, records...)
	}
	if len(missing) == 0 {
		return
	}
	r.out.Missing = fmt.Sprintf("depends on %s, which charts/ does not hold", quoted(missing))
	if more > 0 {
		r.out.Missing += fmt.Sprintf(" and %d of its templates need", more)
	}
	r.out.Missing += fmt.Sprintf("; run \"helm dependency build %s\" first", r.root.Dir)
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strconv.Quote(name)
	}
	return strings.Join(all, ", ")
}

var (
	// lacking is what templates say that need another chart's templates or values.
	lacking = regexp.MustCompile(`no template "|template "[^"]*" not defined|nil pointer evaluating`)
	errorAt = regexp.MustCompile(`template: ([^:]+):(\d+)(?::(\d+))?: `)
	// errorNoise is what text/template puts before a function's own words.
	errorNoise = regexp.MustCompile(`^(?:executing "[^"]*" at <.*?>: )?(?:error calling [A-Za-z]+: )?`)
)

// record turns a failure into a record at the innermost template that the tree
// holds.
func (r *rendering) record(f failure, files map[string]*file) finding.Unread {
	u := finding.Unread{Kind: finding.UnreadSource, Location: finding.Location{Path: r.manifest()}}
	if f.unit.file.src != nil {
		u.Location.Path = f.unit.file.src.Path
	} else {
		u.Location = r.archived(f.unit.file.name)
	}
	message := f.err.Error()
	for _, m := range errorAt.FindAllStringSubmatchIndex(message, -1) {
		at := files[message[m[2]:m[3]]]
		if at == nil || at.src == nil {
			continue
		}
		u.Location = finding.Location{Path: at.src.Path}
		u.Location.Line, _ = strconv.Atoi(message[m[4]:m[5]])
	}
	if all := errorAt.FindAllStringIndex(message, -1); len(all) > 0 {
		message = message[all[len(all)-1][1]:]
	}
	for {
		rest := errorNoise.ReplaceAllString(message, "")
		if rest == message {
			break
		}
		message = rest
	}
	what, advice := "the template cannot be rendered with these values", "; name files of values with which it renders (helm-values), or mend it"
	switch {
	case !f.parses:
		what, advice = "the template cannot be read", "; mend it"
	case bound(f.err):
		advice = ""
	}
	u.Cause = fmt.Sprintf("%s: %s%s", what, strings.Join(strings.Fields(message), " "), advice)
	return u
}

// bound says that an error is one of ours, which says what to do.
func bound(err error) bool {
	return slices.ContainsFunc([]error{errTooLong, errTooDeep, errTooSlow, errTooLarge}, func(bound error) bool { return errors.Is(err, bound) })
}

// dependencies returns where the chart names those that it depends on, by a
// template's name: "web/charts/redis/templates/x.yaml".
func (r *rendering) dependencies() func(template string) finding.Location {
	places := map[string]finding.Location{}
	whole := finding.Location{Path: r.manifest(), Line: 1, Column: 1, EndLine: 1, EndColumn: 2}
	for _, name := range []string{"requirements.yaml", "Chart.yaml"} {
		src, err := r.tree.File(path.Join(r.root.Dir, name))
		if err != nil {
			continue
		}
		parsed, _ := yaml.Parse(src, maxNodes)
		if parsed == nil || len(parsed.Documents) == 0 {
			continue
		}
		for _, d := range parsed.Documents[0].Get("dependencies").Items() {
			for _, key := range []string{"name", "alias"} {
				if n := d.Get(key); n.Text() != "" {
					places[n.Text()] = n.At()
				}
			}
		}
		if name == "Chart.yaml" {
			whole = first(src)
		}
	}
	return func(template string) finding.Location {
		parts := strings.Split(template, "/")
		if len(parts) > 2 && parts[1] == "charts" {
			if at, ok := places[parts[2]]; ok {
				return at
			}
		}
		return whole
	}
}

// first is the first line of a file that says anything.
func first(src *source.File) finding.Location {
	for n := 1; n <= src.Lines(); n++ {
		if text, _ := src.Line(n); strings.TrimSpace(text) != "" {
			start := src.LineStart(n)
			return src.Span(start, start+len(text))
		}
	}
	return finding.Location{Path: src.Path}
}

// missing lists the charts that are depended on, are not switched off, and are not
// in charts/, those of subcharts too.
func missing(c *chartv2.Chart) []string {
	var names []string
	for _, d := range c.Metadata.Dependencies { // only those that are switched on are left
		if d != nil && !slices.ContainsFunc(c.Dependencies(), func(there *chartv2.Chart) bool { return there.Name() == d.Name }) {
			names = append(names, d.Name)
		}
	}
	for _, sub := range c.Dependencies() {
		names = append(names, missing(sub)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
