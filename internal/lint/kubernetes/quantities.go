package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var quantities = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "RES-2.a", Name: "quantities", Points: []string{"RES-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every quantity is one, has the unit that was meant, and no request is above its limit",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		a := amounts{p, w}
		a.resources("the pod", w.Path()+".resources", w.Pod.Get("resources"))
		for _, c := range w.Containers() {
			a.resources(fmt.Sprintf("container %q", c.Name), c.Path+".resources", c.Node.Get("resources"))
		}
		for _, v := range w.Pod.Get("volumes").Items() {
			name := v.Get("name").Text()
			a.amount(fmt.Sprintf("volume %q", name), w.Path()+".volumes["+name+"].sizeLimit", "sizeLimit", v.Get("emptyDir").Get("sizeLimit"))
		}
		for _, claim := range w.Node.Get("spec").Get("volumeClaimTemplates").Items() {
			name := claim.Get("metadata").Get("name").Text()
			a.resources(fmt.Sprintf("claim %q", name), "spec.volumeClaimTemplates["+name+"]", claim.Get("spec").Get("resources"))
		}
	}),
}

// amounts reports what is wrong with the quantities of a workload.
type amounts struct {
	pass     *lint.Pass
	workload *kubernetes.Workload
}

func (a amounts) report(path string, at kubernetes.Node, severity finding.Severity, message string) {
	a.pass.Report(lint.Problem{At: at.At(), Subject: a.workload.Subject(), Path: path, Severity: severity, Message: message})
}

func (a amounts) resources(whose, path string, n kubernetes.Node) {
	limits := map[string]kubernetes.Quantity{}
	for _, e := range n.Get("limits").Entries() {
		if q, ok := a.amount(whose, path+".limits."+e.Key.Text(), e.Key.Text(), e.Value); ok {
			limits[e.Key.Text()] = q
		}
	}
	for _, e := range n.Get("requests").Entries() {
		name := e.Key.Text()
		q, ok := a.amount(whose, path+".requests."+name, name, e.Value)
		limit, limited := limits[name]
		if ok && limited && q.Cmp(limit) > 0 {
			a.report(path+".requests."+name, e.Value, finding.High,
				fmt.Sprintf("%s requests %s %q, which is more than its limit of %q, and the API refuses it; raise the limit", whose, name, e.Value.Text(), n.Get("limits").Get(name).Text()))
		}
	}
}

// mebibyte is less than any program needs.
const mebibyte = 1 << 20

// amount reads one quantity. It is false for none, and for one that is reported.
func (a amounts) amount(whose, path, resource string, n kubernetes.Node) (kubernetes.Quantity, bool) {
	text := n.Text()
	if text == "" || strings.ContainsAny(text, "${<") { // filled in later
		return kubernetes.Quantity{}, false
	}
	q, ok := kubernetes.ParseQuantity(text)
	switch {
	case !ok:
		a.report(path, n, finding.High, fmt.Sprintf("%s: the %s %q is no quantity, and the API refuses it; write it like %s", whose, resource, text, like(resource)))
		return q, false
	case q.CmpInt(0) < 0:
		a.report(path, n, finding.High, fmt.Sprintf("%s: the %s %q is below 0, and the API refuses it; write it like %s", whose, resource, text, like(resource)))
		return q, false
	case q.CmpInt(0) == 0:
	case bytes(resource) && q.CmpInt(mebibyte) < 0:
		a.report(path, n, finding.High, fmt.Sprintf("%s: the %s %q is %s bytes; %s", whose, resource, text, q, meant(text)))
		return q, false
	case resource == "cpu" && q.CmpInt(1000) >= 0:
		a.report(path, n, finding.High, fmt.Sprintf("%s: the cpu %q is %s cores, which no node has; a thousandth of a core is written 1m", whose, text, q))
		return q, false
	// The largest machines have some hundred cores, in powers of two.
	case resource == "cpu" && q.Suffix == "" && q.CmpInt(100) >= 0 && q.Multiple(50):
		a.report(path, n, finding.Medium, fmt.Sprintf("%s: the cpu %q is %s cores; if thousandths were meant, write \"%sm\"", whose, text, q, text))
		return q, false
	}
	return q, true
}

// bytes says that a resource is counted in bytes.
func bytes(resource string) bool {
	return resource == "memory" || resource == "ephemeral-storage" || resource == "storage" || resource == "sizeLimit"
}

func like(resource string) string {
	if resource == "cpu" {
		return `"250m"`
	}
	if bytes(resource) {
		return `"256Mi"`
	}
	return `"1"`
}

// meant is what a wrong amount of bytes was probably meant to be.
func meant(text string) string {
	if number, ok := strings.CutSuffix(text, "m"); ok {
		return fmt.Sprintf("\"m\" is a thousandth, write \"%sMi\"", number)
	}
	return "add the unit, as in \"256Mi\""
}
