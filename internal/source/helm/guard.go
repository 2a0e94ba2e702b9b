package helm

import (
	"fmt"
	"html"
	"reflect"
	"slices"
	"strings"
	"text/template"
)

// printers replace those that text/template has itself, so that they can be guarded.
var printers = template.FuncMap{
	"print": fmt.Sprint, "println": fmt.Sprintln, "printf": fmt.Sprintf,
	"html": func(args ...any) string { return html.EscapeString(fmt.Sprint(args...)) },
}

// walkers look at all of a value: what is in it twice counts twice.
var walkers = []string{
	"toYaml", "mustToYaml", "toYamlPretty", "toJson", "mustToJson", "toPrettyJson", "mustToPrettyJson", "toRawJson", "mustToRawJson",
	"toToml", "mustToToml", "deepCopy", "mustDeepCopy", "deepEqual", "print", "println", "printf", "html", "quote", "squote", "cat",
	"toString", "toStrings", "join", "uniq", "mustUniq", "without", "mustWithout", "has", "mustHas",
}

// setters put values into their first argument.
var setters = []string{"set", "merge", "mustMerge", "mergeOverwrite", "mustMergeOverwrite"}

// quadratic compare each item of a list with the others.
var quadratic = []string{"uniq", "mustUniq", "without", "mustWithout"}

// guard bounds what a function is given and what it gives back. A function that
// would cross a bound panics, which text/template turns into the error of the call.
func (r *run) guard(name string, function any) any {
	f := reflect.ValueOf(function)
	call := f.Call
	if f.Type().IsVariadic() {
		call = f.CallSlice
	}
	walks, sets := slices.Contains(walkers, name), slices.Contains(setters, name)
	compares := slices.Contains(quadratic, name)
	grows := growth[name]
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		if err := r.tick(0); err != nil {
			panic(err)
		}
		given := flat(args, f.Type().IsVariadic())
		switch {
		case walks && !within(given), sets && holds(given), compares && !few(given), grows != nil && grows(given) > maxText:
			panic(errTooLarge)
		}
		results := call(args)
		for _, v := range results {
			for v.Kind() == reflect.Interface {
				v = v.Elem()
			}
			if v.Kind() == reflect.String && v.Len() > maxText || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() > maxItems {
				panic(errTooLarge)
			}
		}
		if v := results[0]; v.Kind() == reflect.String {
			if err := r.tick(v.Len() / 8); err != nil { // work that is done without writing
				panic(err)
			}
		}
		return results
	}).Interface()
}

// flat lists arguments without the interfaces around them, variadic ones taken apart.
func flat(args []reflect.Value, variadic bool) []reflect.Value {
	all := make([]reflect.Value, 0, len(args)+2)
	for i, v := range args {
		if variadic && i == len(args)-1 {
			for j := range v.Len() {
				all = append(all, inner(v.Index(j)))
			}
			break
		}
		all = append(all, inner(v))
	}
	return all
}

func inner(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}

// within says whether values together are small enough to be printed.
func within(values []reflect.Value) bool {
	budget := maxWeight
	for _, v := range values {
		if !weigh(v, &budget, 0) {
			return false
		}
	}
	return true
}

// maxNesting is how deep values may nest that templates make.
const maxNesting = 500

func weigh(v reflect.Value, budget *int, depth int) bool {
	v = inner(v)
	if *budget--; *budget < 0 || depth > maxNesting {
		return false
	}
	switch v.Kind() { //nolint:exhaustive // nothing else grows
	case reflect.String:
		*budget -= v.Len() / 16
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if !weigh(entries.Value(), budget, depth+1) {
				return false
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			*budget -= v.Len() / 16
			return *budget >= 0
		}
		for i := range v.Len() {
			if !weigh(v.Index(i), budget, depth+1) {
				return false
			}
		}
	}
	return *budget >= 0
}

// holds says whether the first value, a map, stands somewhere in another: put into
// it, it would hold itself, and nothing that prints it would come to an end.
func holds(values []reflect.Value) bool {
	if len(values) == 0 || values[0].Kind() != reflect.Map {
		return false
	}
	budget := maxWeight
	var find func(v reflect.Value, depth int) bool
	find = func(v reflect.Value, depth int) bool {
		v = inner(v)
		if budget--; budget < 0 || depth > maxNesting {
			return true
		}
		switch v.Kind() { //nolint:exhaustive // nothing else holds others
		case reflect.Map:
			if v.Pointer() == values[0].Pointer() {
				return true
			}
			for entries := v.MapRange(); entries.Next(); {
				if find(entries.Value(), depth+1) {
					return true
				}
			}
		case reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				return false
			}
			for i := range v.Len() {
				if find(v.Index(i), depth+1) {
					return true
				}
			}
		}
		return false
	}
	return slices.ContainsFunc(values[1:], func(v reflect.Value) bool { return find(v, 0) })
}

func few(values []reflect.Value) bool {
	return !slices.ContainsFunc(values, func(v reflect.Value) bool { return v.Kind() == reflect.Slice && v.Len() > 5000 })
}

// growth foretells how long the result of a function is at most that can make much
// of little.
var growth = map[string]func(args []reflect.Value) int{
	"repeat":  func(a []reflect.Value) int { return number(a, 0) * length(a, 1) },
	"indent":  indented,
	"nindent": indented,
	"until":   func(a []reflect.Value) int { return abs(number(a, 0)) * (maxText / maxItems) },
	"untilStep": func(a []reflect.Value) int {
		return abs(number(a, 1)-number(a, 0)) / max(1, abs(number(a, 2))) * (maxText / maxItems)
	},
	"seq": func(a []reflect.Value) int {
		low, high, step := 1, 1, 1
		switch len(a) {
		case 1:
			high = number(a, 0)
		case 2:
			low, high = number(a, 0), number(a, 1)
		case 3:
			low, step, high = number(a, 0), number(a, 1), number(a, 2)
		}
		return abs(high-low) / max(1, abs(step)) * (maxText / maxItems)
	},
	"replace":                    func(a []reflect.Value) int { return length(a, 2) + (length(a, 2)+1)*length(a, 1)/max(1, length(a, 0)) },
	"regexReplaceAll":            replaced,
	"mustRegexReplaceAll":        replaced,
	"regexReplaceAllLiteral":     replaced,
	"mustRegexReplaceAllLiteral": replaced,
	"join": func(a []reflect.Value) int {
		if len(a) < 2 || a[1].Kind() != reflect.Slice {
			return 0
		}
		return a[1].Len() * length(a, 0)
	},
	"wrapWith": func(a []reflect.Value) int { return length(a, 2) / max(1, number(a, 0)) * length(a, 1) },
	"printf": func(a []reflect.Value) int {
		if len(a) == 0 || a[0].Kind() != reflect.String {
			return 0
		}
		longest := 0
		for i := range a[1:] {
			longest = max(longest, length(a, i+1))
		}
		return strings.Count(a[0].String(), "%") * longest
	},
}

func indented(a []reflect.Value) int {
	if len(a) < 2 || a[1].Kind() != reflect.String {
		return 0
	}
	return number(a, 0) * (1 + strings.Count(a[1].String(), "\n"))
}

func replaced(a []reflect.Value) int { return (length(a, 1) + 1) * max(1, length(a, 2)) / 8 }

// number is an argument as a number, within what can be multiplied.
func number(args []reflect.Value, i int) int {
	if i >= len(args) {
		return 0
	}
	const most = 1 << 31
	switch v := args[i]; {
	case v.CanInt():
		return int(max(-most, min(v.Int(), most)))
	case v.CanUint():
		return int(min(v.Uint(), most))
	case v.CanFloat():
		return int(max(-most, min(v.Float(), most)))
	}
	return 0
}

func length(args []reflect.Value, i int) int {
	if i >= len(args) || args[i].Kind() != reflect.String {
		return 0
	}
	return args[i].Len()
}

func abs(n int) int { return max(n, -n) }
