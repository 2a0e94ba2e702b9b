package kubernetes

import (
	"slices"
	"strings"
)

// Selector says which labels are meant, as Kubernetes reads it. The zero
// Selector selects nothing, as an absent one does.
type Selector struct {
	present  bool
	pairs    []label
	demands  []demand
	doubtful bool
}

type label struct{ key, value string }

type demand struct {
	key, operator string
	values        []string
}

// LabelSelector reads a selector of matchLabels and matchExpressions. An absent
// one selects nothing and an empty one everything.
func LabelSelector(n Node) Selector {
	if n.IsNull() {
		return Selector{}
	}
	s := Selector{present: true, doubtful: !n.IsMap()}
	s.labels(n.Get("matchLabels"))
	for _, item := range n.Get("matchExpressions").Items() {
		d := demand{key: item.Get("key").Text(), operator: item.Get("operator").Text()}
		for _, v := range item.Get("values").Items() {
			d.values = append(d.values, v.Text())
		}
		known := slices.Contains([]string{"In", "NotIn", "Exists", "DoesNotExist"}, d.operator)
		s.doubtful = s.doubtful || !known || d.key == "" || slices.ContainsFunc(d.values, Placeholder)
		s.demands = append(s.demands, d)
	}
	return s
}

// PlainSelector reads the selector of a Service or a ReplicationController, which
// is a mapping of labels. An empty one selects nothing.
func PlainSelector(n Node) Selector {
	s := Selector{present: len(n.Entries()) > 0 || n.Get("<<").Exists()}
	s.labels(n)
	return s
}

func (s *Selector) labels(n Node) {
	for key, value := range texts(n) {
		s.pairs = append(s.pairs, label{key, value})
		s.doubtful = s.doubtful || Placeholder(key) || Placeholder(value)
	}
	slices.SortFunc(s.pairs, func(a, b label) int { return strings.Compare(a.key, b.key) })
}

// Nothing says that the selector selects nothing, whatever there is.
func (s Selector) Nothing() bool { return !s.present }

// Everything says that it selects whatever there is.
func (s Selector) Everything() bool {
	return s.present && len(s.pairs) == 0 && len(s.demands) == 0 && !s.doubtful
}

// Doubtful says that the selector cannot be read for sure: it holds an operator
// that does not exist, or a variable that something fills in later.
func (s Selector) Doubtful() bool { return s.doubtful }

// Matches says whether it selects what has these labels.
func (s Selector) Matches(labels map[string]string) bool {
	if !s.present {
		return false
	}
	for _, p := range s.pairs {
		if got, ok := labels[p.key]; !ok || got != p.value {
			return false
		}
	}
	for _, d := range s.demands {
		got, ok := labels[d.key]
		switch d.operator {
		case "In":
			ok = ok && slices.Contains(d.values, got)
		case "NotIn": // what has no such label is not in
			ok = !ok || !slices.Contains(d.values, got)
		case "DoesNotExist":
			ok = !ok
		}
		if !ok {
			return false
		}
	}
	return true
}

// String writes the selector as kubectl does: "app=web,tier in (a,b)".
func (s Selector) String() string {
	var words []string
	for _, p := range s.pairs {
		words = append(words, p.key+"="+p.value)
	}
	for _, d := range s.demands {
		switch d.operator {
		case "In", "NotIn":
			words = append(words, d.key+" "+strings.ToLower(d.operator)+" ("+strings.Join(d.values, ",")+")")
		case "DoesNotExist":
			words = append(words, "!"+d.key)
		default:
			words = append(words, d.key)
		}
	}
	return strings.Join(words, ",")
}

// keys are the labels that are asked for.
func (s Selector) keys() []string {
	var all []string
	for _, p := range s.pairs {
		all = append(all, p.key)
	}
	for _, d := range s.demands {
		all = append(all, d.key)
	}
	return all
}

// anchors are labels one of which everything selected has; nil where there are
// none to tell.
func (s Selector) anchors(count func(label) int) []label {
	var best []label
	least := -1
	try := func(some []label) {
		n := 0
		for _, l := range some {
			n += count(l)
		}
		if least < 0 || n < least {
			best, least = some, n
		}
	}
	for i := range s.pairs {
		try(s.pairs[i : i+1])
	}
	for _, d := range s.demands {
		if d.operator == "In" && len(d.values) > 0 {
			some := make([]label, 0, len(d.values))
			for _, v := range slices.Compact(slices.Sorted(slices.Values(d.values))) {
				some = append(some, label{d.key, v})
			}
			try(some)
		}
	}
	return best
}

// Placeholder says that a text holds a variable of a template, which something
// fills in before it is applied.
func Placeholder(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${") || strings.Contains(text, "$(") || strings.HasPrefix(text, "$")
}
