package custom

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// What an expression may cost. The unit is CEL's own, below a microsecond of work;
// Kubernetes allows one call of an admission policy 1,000,000 and all of a policy
// 10,000,000 (k8s.io/apiserver/pkg/apis/cel). An expression on one object that is not
// made to take long costs some tens to some thousands.
const (
	maxCallCost = 250_000
	maxRuleCost = 10_000_000
	maxCost     = 40_000_000 // of all rules
)

// maxExpression bounds the text of an expression, in code points, and maxNesting how
// deep it nests: what a parser of any language finds hard is deep or long.
const (
	maxExpression = 4096
	maxNesting    = 60
)

// compiler makes programs of expressions.
type compiler struct{ env *cel.Env }

func newCompiler() (*compiler, error) {
	env, err := cel.NewCustomEnv(append(
		library(),
		cel.Variable("object", cel.DynType), cel.Variable("value", cel.DynType), cel.Variable("key", cel.DynType),
		cel.Variable("name", cel.StringType), cel.Variable("path", cel.StringType),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxNesting),
	)...)
	if err != nil {
		return nil, fmt.Errorf("setting up CEL: %w", err)
	}
	return &compiler{env}, nil
}

// rule compiles one entry. Its expression is checked as far as its types are known.
func (c *compiler) rule(entry config.CustomRule) (*rule, error) {
	r := &rule{entry: entry, Rule: finding.Rule{ID: entry.ID, Name: strings.ToLower(entry.ID), Summary: strings.TrimSuffix(entry.Message, ".")}}
	if err := r.Severity.UnmarshalText([]byte(entry.Severity)); err != nil {
		return nil, usage(entry.Place, err)
	}
	if r.Severity == finding.Unknown {
		return nil, usage(entry.Place, fmt.Errorf("severity: %q is none", entry.Severity))
	}
	for _, text := range entry.At {
		steps, err := parsePath(text)
		if err != nil {
			return nil, usage(entry.Place, err)
		}
		r.steps = append(r.steps, steps)
	}
	var err error
	if r.paths, err = source.NewGlobs(entry.Paths...); err != nil {
		return nil, usage(entry.Place, fmt.Errorf("paths: %w", err))
	}
	if r.program, err = c.program(entry); err != nil {
		return nil, err
	}
	return r, nil
}

func (c *compiler) program(entry config.CustomRule) (program cel.Program, err error) {
	fail := func(at config.Place, format string, args ...any) error {
		return &config.UsageError{Where: at.String(), Err: fmt.Errorf("custom-rules: %s: expression: "+format, append([]any{entry.ID}, args...)...)}
	}
	defer func() {
		if p := recover(); p != nil { // of a parser that is not ours
			program, err = nil, fail(entry.ExpressionAt, "cannot be compiled: %v", p)
		}
	}()
	if n := utf8.RuneCountInString(entry.Expression); n > maxExpression {
		return nil, fail(entry.ExpressionAt, "has %d characters, more than %d; make two rules of it", n, maxExpression)
	}
	checked, issues := c.env.Compile(entry.Expression)
	if issues.Err() != nil {
		first := slices.MinFunc(issues.Errors(), func(a, b *cel.Error) int {
			if a.Location.Line() != b.Location.Line() {
				return a.Location.Line() - b.Location.Line()
			}
			return a.Location.Column() - b.Location.Column()
		})
		return nil, fail(entry.ExpressionAt.Within(first.Location.Line(), first.Location.Column()+1), "%s", brief(first.Message))
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fail(entry.ExpressionAt, "gives a %s; want true or false", out)
	}
	program, err = c.env.Program(
		checked,
		cel.CostLimit(maxCallCost), cel.CostTracking(costs{}), cel.InterruptCheckFrequency(1000),
		cel.OptimizeRegex(constantPatterns),
	)
	if err != nil {
		return nil, fail(entry.ExpressionAt, "%s", brief(err.Error()))
	}
	return program, nil
}

// brief is a message on one line, without the list of all that a grammar could take.
func brief(text string) string {
	text, _, _ = strings.Cut(strings.Join(strings.Fields(text), " "), " expecting {")
	return text
}
