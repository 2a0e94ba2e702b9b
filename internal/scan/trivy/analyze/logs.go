package analyze

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
)

// Trivy tells what an analyzer could not read in its debug log and nowhere else,
// through loggers that come from [slog.Default]:
//
//   - an analyzer group keeps the one it is made with, and so do the
//     post-analyzers in it; they log without a context;
//   - an analyzer logs to the default logger with the context it was called with;
//   - fsutils.WalkDir, on which post-analyzers rest, logs to the default logger
//     without a context.
//
// So one handler is made the default once, and each of the three ways leads to
// the sink of the layer at hand: loggers made while a group is made are bound to
// its sink, a context carries its sink, and post-analyzers of different visits
// run one after the other, their sink being the current one. Everything else
// goes to the handler that New was given.

// sink collects what was logged about one layer.
type sink struct {
	mu      sync.Mutex
	records []record
}

// record is a log line that says that something could not be read.
type record struct {
	path string // where the line names one
	err  error
}

// take empties the sink.
func (s *sink) take() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.records
	s.records = nil
	return taken
}

func (s *sink) add(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
}

// losses are the messages with which Trivy v0.74.0 lets go of a file or of a
// package. The adapter's tests fail when an update of Trivy changes the wording.
var losses = map[string]string{
	"Analysis error":                    "",                           // pkg/fanal/analyzer/analyzer.go
	"Walk error":                        "",                           // pkg/utils/fsutils/fs.go
	"Parse error":                       "an entry cannot be parsed",  // pkg/fanal/analyzer/pkg/dpkg
	"Invalid version":                   "a version cannot be parsed", // pkg/fanal/analyzer/pkg/dpkg
	"Invalid source version":            "a version cannot be parsed", // pkg/fanal/analyzer/pkg/dpkg
	"Invalid version found":             "a version cannot be parsed", // pkg/fanal/analyzer/pkg/apk
	"Permission error":                  "it cannot be opened",        // pkg/fanal/analyzer/analyzer.go
	"Cannot parse .NET library version": "a version cannot be parsed", // pkg/dependency/parser/dotnet/core_deps
}

// read makes a record of a log line, if it tells of a loss.
func read(r slog.Record, bound []slog.Attr) (record, bool) {
	cause, ok := losses[r.Message]
	if !ok {
		return record{}, false
	}
	var out record
	var details []string
	see := func(a slog.Attr) bool {
		switch value := a.Value.Resolve().Any().(type) {
		case error:
			out.err = value
		case string:
			if a.Key == "file_path" {
				out.path = strings.TrimPrefix(path.Clean("/"+value), "/")
			} else if a.Key != "prefix" && a.Key != "OS" {
				details = append(details, a.Key+" "+quote(value))
			}
		}
		return true
	}
	for _, a := range bound {
		see(a)
	}
	r.Attrs(see)
	if out.err == nil {
		out.err = errors.New(strings.TrimSuffix(cause+": "+strings.Join(details, ", "), ": "))
	}
	return out, true
}

type sinkKey struct{}

// within gives analyzers a context that leads to the sink.
func within(ctx context.Context, s *sink) context.Context {
	return context.WithValue(ctx, sinkKey{}, s)
}

// router is the handler that becomes the default.
type router struct {
	rest  slog.Handler // for what no visit is to know
	state *routing
}

// routing is shared by the routers derived from one.
type routing struct {
	// trivy is held while Trivy's process-wide state is in use: its registries when
	// a group is made, the default logger when post-analyzers run.
	trivy   sync.Mutex
	binding atomic.Pointer[sink] // loggers made now are bound to it
	current atomic.Pointer[sink] // post-analyzers that run now log to it
}

func (r *router) Enabled(ctx context.Context, level slog.Level) bool {
	return ctx.Value(sinkKey{}) != nil || r.state.current.Load() != nil || r.rest.Enabled(ctx, level)
}

func (r *router) Handle(ctx context.Context, rec slog.Record) error {
	s, ok := ctx.Value(sinkKey{}).(*sink)
	if !ok && rec.Message == "Walk error" { // only post-analyzers say it
		s = r.state.current.Load()
	}
	if s != nil {
		if loss, ok := read(rec, nil); ok {
			s.add(loss)
			return nil
		}
	}
	if !r.rest.Enabled(ctx, rec.Level) {
		return nil
	}
	return r.rest.Handle(ctx, rec)
}

func (r *router) WithAttrs(attrs []slog.Attr) slog.Handler {
	if s := r.state.binding.Load(); s != nil {
		return &bound{sink: s, attrs: attrs, rest: r.rest.WithAttrs(attrs)}
	}
	return &router{rest: r.rest.WithAttrs(attrs), state: r.state}
}

func (r *router) WithGroup(name string) slog.Handler {
	return &router{rest: r.rest.WithGroup(name), state: r.state}
}

// bound is a handler of a logger that belongs to one layer.
type bound struct {
	sink  *sink
	attrs []slog.Attr
	rest  slog.Handler
}

func (b *bound) Enabled(context.Context, slog.Level) bool { return true }

func (b *bound) Handle(ctx context.Context, rec slog.Record) error {
	if loss, ok := read(rec, b.attrs); ok {
		b.sink.add(loss)
		return nil
	}
	if !b.rest.Enabled(ctx, rec.Level) {
		return nil
	}
	return b.rest.Handle(ctx, rec)
}

func (b *bound) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &bound{sink: b.sink, attrs: append(slices.Clip(b.attrs), attrs...), rest: b.rest.WithAttrs(attrs)}
}

func (b *bound) WithGroup(name string) slog.Handler {
	return &bound{sink: b.sink, attrs: b.attrs, rest: b.rest.WithGroup(name)}
}

// group makes an analyzer group whose losses reach the sink. It proves that they
// do: whoever set another default logger meanwhile would otherwise make every
// failure go unsaid.
func (r *router) group(s *sink, opts analyzer.AnalyzerOptions) (analyzer.AnalyzerGroup, error) {
	r.state.trivy.Lock()
	defer r.state.trivy.Unlock()
	if now, ok := slog.Default().Handler().(*router); !ok || now.state != r.state {
		return analyzer.AnalyzerGroup{}, errors.New("the default logger of the process was replaced after analyze.New, so that failures of analyzers would go unseen")
	}
	r.state.binding.Store(s)
	defer r.state.binding.Store(nil)
	return analyzer.NewAnalyzerGroup(opts)
}

// alone runs f, which runs post-analyzers, while no other visit does.
func (r *router) alone(s *sink, f func() error) error {
	r.state.trivy.Lock()
	defer r.state.trivy.Unlock()
	r.state.current.Store(s)
	defer r.state.current.Store(nil)
	return f()
}
