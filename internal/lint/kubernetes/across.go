package kubernetes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// nameAt is where a finding about an object as a whole is placed: its name.
func nameAt(o *kubernetes.Object) finding.Location {
	meta := o.Node.Get("metadata")
	return or(meta.Get("name").At(), meta.Get("generateName").At(), o.Node.Get("kind").At(), o.Node.At())
}

// related points at another object that takes part in a finding.
func related(o *kubernetes.Object, format string, args ...any) finding.Location {
	at := nameAt(o)
	at.Note = fmt.Sprintf(format, args...)
	return at
}

// called names an object in a message: `Service "web"`.
func called(o *kubernetes.Object) string { return fmt.Sprintf("%s %q", o.Kind, o.Name) }

// mentions says whether a text holds a number that stands for itself: "80" is in
// ":80/" and not in "8080".
func mentions(text, number string) bool {
	for rest := text; ; {
		i := strings.Index(rest, number)
		if i < 0 {
			return false
		}
		after := rest[i+len(number):]
		before := i > 0 && rest[i-1] >= '0' && rest[i-1] <= '9'
		if !before && (after == "" || after[0] < '0' || after[0] > '9') {
			return true
		}
		rest = rest[i+1:]
	}
}

// listens says whether anything in the manifests shows that the pods of w have a
// port open: they declare it, probe it, or are told of it. Declaring is optional,
// so that pods which declare none at all may have any.
func listens(w *kubernetes.Workload, port int) bool {
	number := strconv.Itoa(port)
	declared := false
	for _, p := range w.Ports() {
		if p.Number == port {
			return true
		}
		declared = true
	}
	if !declared {
		return true
	}
	for _, c := range w.Containers() {
		for _, h := range c.Handlers() {
			for _, handler := range []string{"httpGet", "tcpSocket", "grpc"} {
				if h.Node.Get(handler).Get("port").Text() == number {
					return true
				}
			}
		}
		for _, word := range c.Command() {
			if mentions(word.Text(), number) {
				return true
			}
		}
		environment := w.Set.EnvironmentOf(c)
		if len(environment.Open) > 0 {
			return true // nobody here knows what it says
		}
		for _, v := range environment.Variables {
			if mentions(v.Value, number) {
				return true
			}
		}
	}
	return false
}

// together leaves the workloads that are for sure where an object is.
func together(o *kubernetes.Object, workloads []*kubernetes.Workload) []*kubernetes.Workload {
	var all []*kubernetes.Workload
	for _, w := range workloads {
		if o.Set.Together(o, w.Object) {
			all = append(all, w)
		}
	}
	return all
}

// annotations are those of an object.
func annotations(o *kubernetes.Object) []kubernetes.Entry {
	return o.Node.Get("metadata").Get("annotations").Entries()
}
