package custom

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// library is CEL's own, with a "matches" that has bounds. Of the usual extensions there
// is what makes nothing larger than what it is given: "replace" and "join" have none.
func library() []cel.EnvOption {
	stringTo := func(name string, do func(string) string) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("plimsoll_"+name, []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(func(v ref.Val) ref.Val {
			s, ok := v.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(v)
			}
			return types.String(do(string(s)))
		})))
	}
	two := []*cel.Type{cel.StringType, cel.StringType}
	return []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{ExcludeFunctions: []*env.Function{env.NewFunction(overloads.Matches)}})),
		cel.Function(overloads.Matches,
			cel.Overload(overloads.Matches, two, cel.BoolType), cel.MemberOverload(overloads.MatchesString, two, cel.BoolType),
			cel.SingletonBinaryBinding(matches)),
		cel.Function("split", cel.MemberOverload("plimsoll_split", two, cel.ListType(cel.StringType), cel.BinaryBinding(split))),
		stringTo("trim", strings.TrimSpace),
		stringTo("lowerAscii", func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}),
	}
}

// A pattern is run over a text in time that grows with the product of the text's length
// and the pattern's number of instructions (https://swtch.com/~rsc/regexp/regexp3.html).
// These bounds come to some tenths of a second.
const (
	maxPattern      = 1000 // characters
	maxInstructions = 5000
	maxSteps        = 20_000_000
)

// pattern is a regular expression with its number of instructions.
type pattern struct {
	*regexp.Regexp
	size int
}

func newPattern(text string) (pattern, error) {
	if len(text) > maxPattern {
		return pattern{}, fmt.Errorf("a pattern has %d characters, more than %d", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return pattern{}, err
	}
	if len(program.Inst) > maxInstructions {
		return pattern{}, fmt.Errorf("a pattern is too large: %d instructions, more than %d", len(program.Inst), maxInstructions)
	}
	compiled, err := regexp.Compile(text)
	return pattern{compiled, len(program.Inst)}, err
}

func (p pattern) match(text ref.Val) ref.Val {
	s, ok := text.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(text)
	}
	if len(s) > maxSteps/p.size {
		return types.NewErr("a text is too long for its pattern")
	}
	return types.Bool(p.MatchString(string(s)))
}

// matches takes a pattern that is computed.
func matches(text, by ref.Val) ref.Val {
	s, ok := by.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(by)
	}
	p, err := newPattern(string(s))
	if err != nil {
		return types.NewErr("a pattern cannot be used")
	}
	return p.match(text)
}

// constantPatterns reads patterns that stand in an expression once, with it.
var constantPatterns = &interpreter.RegexOptimization{
	Function: overloads.Matches, RegexIndex: 1,
	Factory: func(call interpreter.InterpretableCall, text string) (interpreter.InterpretableCall, error) {
		p, err := newPattern(text)
		if err != nil {
			return nil, err
		}
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(values ...ref.Val) ref.Val {
			if len(values) != 2 {
				return types.NoSuchOverloadErr()
			}
			return p.match(values[0])
		}), nil
	},
}

// maxParts bounds what a text is split into.
const maxParts = 10_000

func split(text, separator ref.Val) ref.Val {
	s, ok := text.(types.String)
	by, okBy := separator.(types.String)
	if !ok || !okBy {
		return types.MaybeNoSuchOverloadErr(text)
	}
	parts := strings.SplitN(string(s), string(by), maxParts+1)
	if len(parts) > maxParts {
		return types.NewErr("a text has more than %d parts", maxParts)
	}
	return types.DefaultTypeAdapter.NativeToValue(parts)
}

// costs adds to CEL's own what it takes for nothing: lists and maps that hold the same
// list many times are small to make and large to compare.
type costs struct{}

// maxWeight is where weighing ends, and weightCost what one value costs: what is that
// heavy costs more than a call may.
const (
	maxWeight  = 50_000
	weightCost = 10
)

// CallCost implements interpreter.ActualCostEstimator.
func (costs) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	cost := uint64(1)
	switch function {
	case overloads.Size, operators.Index, operators.OptIndex:
		return nil
	case operators.Add: // of two lists the first was weighed when it was made
		args = args[min(1, len(args)):]
	case "split", "lowerAscii", "trim":
		for _, arg := range args {
			if s, ok := arg.(types.String); ok {
				cost += uint64(len(s)) / 10
			}
		}
		return &cost
	}
	weighed := false
	for _, arg := range args {
		switch arg.(type) {
		case traits.Lister, traits.Mapper, *types.Optional:
			weighed = true
			cost += uint64(max(0, weight(arg, maxWeight))) * weightCost
		}
	}
	if !weighed {
		return nil
	}
	return &cost
}

// weight counts the values in a value, each as often as it is met, up to a limit.
func weight(v ref.Val, limit int) int {
	n := 1
	switch v := v.(type) {
	case *types.Optional:
		if v.HasValue() && n < limit {
			n += weight(v.GetValue(), limit-n)
		}
	case traits.Mapper:
		for it := v.Iterator(); n < limit && it.HasNext() == types.True; {
			key := it.Next()
			n += weight(key, limit-n)
			if value, ok := v.Find(key); ok {
				n += weight(value, limit-n)
			}
		}
	case traits.Lister:
		for it := v.Iterator(); n < limit && it.HasNext() == types.True; {
			n += weight(it.Next(), limit-n)
		}
	}
	return n
}
