package custom

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// rule is one custom rule, ready to be asked.
type rule struct {
	finding.Rule
	entry   config.CustomRule
	steps   [][]step
	paths   source.Globs
	program cel.Program
	budget  uint64 // of all its calls together
}

// maxTime bounds the look of all rules at everything. The bounds on costs come long
// before, unless the machine stands still.
const maxTime = 60 * time.Second

// look is what one rule found out.
type look struct {
	*rule
	ctx   context.Context //nolint:containedctx // it lives as long as the look
	pass  *lint.Pass
	spent uint64
	told  map[finding.Location]bool
	// undecided counts what nobody knows, first says where and why.
	undecided int
	first     string
	over      string // why it was not asked of the rest
}

// ask asks the rule of all artefacts that it is for, and notes where it could not be
// decided: that is neither right nor wrong, and never silent.
func (r *rule) ask(ctx context.Context, p *lint.Pass, artefacts []*artefact, end time.Time) {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	l := &look{rule: r, ctx: ctx, pass: p, told: map[finding.Location]bool{}}
	left := 0
	for _, a := range artefacts {
		switch {
		case !r.means(a):
		case l.over != "":
			left++
		case a.partial != "":
			l.undecide(a, a.where, a.partial)
		default:
			l.at(a)
		}
	}
	if l.undecided > 0 {
		p.Note(fmt.Sprintf("%s is unknown of %s, first %s", r.ID, printable.Count(l.undecided, "place"), l.first))
	}
	if left > 0 {
		p.Note(fmt.Sprintf("%s was not asked of %s: %s", r.ID, printable.Count(left, "further object"), l.over))
	}
}

// means says whether the rule is for an artefact.
func (r *rule) means(a *artefact) bool {
	if len(r.entry.Paths) > 0 && !r.paths.Match(a.path) && !r.paths.MatchAbove(a.path) {
		return false
	}
	return len(r.entry.Kinds) == 0 || slices.Contains(r.entry.Kinds, a.kind) || slices.Contains(r.entry.Kinds, a.kind+"."+a.group)
}

func (l *look) undecide(a *artefact, at finding.Location, why string) {
	if l.undecided == 0 {
		l.first = fmt.Sprintf("%s:%d (%s): %s", at.Path, at.Line, printable.Text(printable.Fold(a.subject, 80)), why)
	}
	l.undecided++
}

// at asks the rule of every place in an artefact.
func (l *look) at(a *artefact) {
	object, err := a.plain()
	if err != nil {
		l.undecide(a, a.where, err.Error())
		return
	}
	places := []place{{node: a.root, near: a.root}}
	if len(l.steps) > 0 {
		places = nil
		for _, steps := range l.steps {
			places = append(places, follow(a.root, steps)...)
		}
	}
	budget := maxValues
	for _, p := range places {
		if l.over != "" {
			return
		}
		value := object
		if p.key != nil {
			value = nil
			if p.node != nil {
				if value, err = p.node.plain(&budget); err != nil {
					l.undecide(a, a.where, err.Error())
					return
				}
			}
		}
		l.call(a, p, map[string]any{"object": object, "value": value, "key": p.key, "name": a.name, "path": a.path})
	}
}

// call asks the rule of one place.
func (l *look) call(a *artefact, p place, variables map[string]any) {
	at := a.where
	if p.below {
		at = p.near.at()
	}
	out, details, err := l.program.ContextEval(l.ctx, variables)
	if details != nil && details.ActualCost() != nil {
		l.spent += *details.ActualCost()
	} else if err != nil {
		l.spent += maxCallCost // nobody counted
	}
	switch {
	case l.ctx.Err() != nil:
		l.over = "its time is over"
	case l.spent > l.budget:
		l.over = "it costs more than all of its calls may together; ask less of each object"
	}
	switch {
	case err != nil:
		l.undecide(a, at, l.cause(err))
	case types.IsUnknown(out):
		l.undecide(a, at, "it depends on a variable without a value here")
	case out == types.True:
	case out == types.False:
		if !l.told[at] { // what several share is one cause
			l.told[at] = true
			l.pass.Report(lint.Problem{At: at, Subject: a.subject, Path: p.path, Message: l.entry.Message})
		}
	default:
		l.undecide(a, at, fmt.Sprintf("the expression gives a %s; want true or false", out.Type().TypeName()))
	}
}

// missing is CEL's word for a key that is not there.
var missing = regexp.MustCompile(`no such (?:key|attribute|field)[^:]*: ([A-Za-z][A-Za-z0-9_./-]{0,60})(?:$|\s)`)

// cause says why an expression could not be decided.
func (r *rule) cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "it takes too long"
	}
	text := printable.Fold(err.Error(), 300)
	switch m := missing.FindStringSubmatch(text); {
	case m != nil && strings.Contains(r.entry.Expression, m[1]): // any other was computed, and may be a secret
		return fmt.Sprintf("there is no key %q; ask has() or write .?%s.orValue(…)", m[1], m[1])
	case strings.Contains(text, "cost limit exceeded"):
		return "it costs more than one call may; ask less of each object"
	case strings.Contains(text, "no such overload"):
		return "a value is not of the type that the expression takes it for"
	case strings.Contains(text, "no such key"), strings.Contains(text, "no such attribute"):
		return "a key is not there; ask has()"
	case strings.Contains(text, "a text is too long"), strings.Contains(text, "a text has more than"):
		return "a text of it is too long for that"
	case strings.Contains(text, "a pattern cannot be used"):
		return "a pattern cannot be used"
	case strings.Contains(text, "index out of bounds"):
		return "a list has no such item; ask size()"
	case strings.Contains(text, "interrupted"), strings.Contains(text, "cancelled"):
		return "it takes too long"
	}
	return "the expression fails on it"
}
