package kubernetes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var routeBackend = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-3.b", Name: "route-backend", Points: []string{"NET-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every Ingress and route leads to a port of a Service that is there",
		Also:    []string{"dangling-ingress", "ingress-targets-service"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		type target struct{ namespace, name, port string }
		seen := map[target]bool{}
		for _, b := range backends(o) {
			at := target{b.namespace, b.name.Text(), b.port.Text()}
			if b.name.Text() == "" || kubernetes.Placeholder(b.name.Text()) || seen[at] {
				continue
			}
			seen[at] = true
			found := o.Set.Find(b.namespace, "", "Service", b.name.Text())
			if len(found) == 0 {
				if p.Complete && !o.Set.MayMake(b.name.Text()) {
					p.Report(lint.Problem{
						At: b.name.At(), Subject: o.Subject(), Path: "backend." + b.name.Text(),
						Message: fmt.Sprintf("Service %q is nowhere in the manifests, so that requests end in an error; name one that is there", b.name.Text()),
					})
				}
				continue
			}
			if lacksPort(b.port.Text(), found) && slices.ContainsFunc(found, func(service *kubernetes.Object) bool { return o.Set.Beside(o, service, b.namespace) }) {
				p.Report(lint.Problem{
					At: b.port.At(), Subject: o.Subject(), Path: "backend." + b.name.Text() + "." + b.port.Text(),
					Related: []finding.Location{related(found[0], "this is the Service")},
					Message: fmt.Sprintf("%s has no port %q, so that requests end in an error; name one that it has (there is %s)", called(found[0]), b.port.Text(), list(portsOf(found[0]))),
				})
			}
		}
	},
}

// backend is a Service that requests are led to.
type backend struct {
	namespace  string
	name, port kubernetes.Node
}

func backends(o *kubernetes.Object) []backend {
	spec := o.Node.Get("spec")
	var all []backend
	switch {
	case o.Kind == "Ingress" && (o.Group() == "networking.k8s.io" || o.Group() == "extensions"):
		add := func(n kubernetes.Node) {
			if service := n.Get("service"); service.IsMap() {
				port := service.Get("port").Get("number")
				if port.IsNull() {
					port = service.Get("port").Get("name")
				}
				all = append(all, backend{o.Namespace, service.Get("name"), port})
			} else if name := n.Get("serviceName"); name.Exists() {
				all = append(all, backend{o.Namespace, name, n.Get("servicePort")})
			}
		}
		add(spec.Get("defaultBackend"))
		add(spec.Get("backend"))
		for _, rule := range spec.Get("rules").Items() {
			for _, path := range rule.Get("http").Get("paths").Items() {
				add(path.Get("backend"))
			}
		}
	case o.Group() == "gateway.networking.k8s.io" && strings.HasSuffix(o.Kind, "Route"):
		for _, rule := range spec.Get("rules").Items() {
			for _, ref := range rule.Get("backendRefs").Items() {
				kind := ref.Get("kind").Text()
				if ref.Get("group").Text() != "" || kind != "" && kind != "Service" {
					continue
				}
				namespace := ref.Get("namespace").Text()
				if namespace == "" {
					namespace = o.Namespace
				}
				all = append(all, backend{namespace, ref.Get("name"), ref.Get("port")})
			}
		}
	}
	return all
}

// lacksPort says that none of the Services that may be meant has the port. A
// controller's own words ("use-annotation") are no port's name.
func lacksPort(port string, found []*kubernetes.Object) bool {
	if port == "" || port == "use-annotation" || kubernetes.Placeholder(port) {
		return false
	}
	number, _ := strconv.Atoi(port)
	for _, o := range found {
		service, _ := o.Service()
		if len(service.Ports) == 0 || o.Node.Get("spec").Get("type").Text() == "ExternalName" {
			return false
		}
		for _, p := range service.Ports {
			if p.Name == port || number != 0 && p.Port == number || p.Port == 0 {
				return false
			}
		}
	}
	return true
}

func portsOf(o *kubernetes.Object) []string {
	service, _ := o.Service()
	var words []string
	for _, p := range service.Ports {
		words = append(words, strconv.Itoa(p.Port))
	}
	return words
}
