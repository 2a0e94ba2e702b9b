package kubernetes

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaPort = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-59", Name: "schema-port", Severity: finding.High, Since: "0.1.0",
		Summary: "Every port is one: 1 to 65535, with a name that Kubernetes takes",
		Also:    []string{"invalid-target-ports", "container-ports-check"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		a := ports{p, o}
		if w, ok := o.Workload(); ok {
			a.workload(w)
		}
		if o.Kind == "Service" && o.APIVersion == "v1" {
			a.service()
		}
	},
}

// ports reports those that are none.
type ports struct {
	pass   *lint.Pass
	object *kubernetes.Object
}

func (a ports) tell(at kubernetes.Node, path, format string, args ...any) {
	a.pass.Report(lint.Problem{At: at.At(), Subject: a.object.Subject(), Path: path, Message: fmt.Sprintf(format, args...)})
}

// number judges a port. A name is judged where one may stand.
func (a ports) number(n kubernetes.Node, path string, named bool) {
	switch n.Type() {
	case "int":
		if port, err := strconv.Atoi(n.Text()); err == nil && (port < 1 || port > 65535) {
			a.tell(n, path, "%q is no port, and Kubernetes refuses it; write one of 1 to 65535", n.Text())
		}
	case "str":
		if text := n.Text(); named && !schema.Placeholder(text) && !portName(text) {
			a.tell(n, path, "%q is no name of a port, and Kubernetes refuses it; write %s", shortened(text), namesOfPorts(text))
		}
	}
}

// name judges the name of a port of a container.
func (a ports) name(n kubernetes.Node, path string) {
	if text := n.Text(); text != "" && !schema.Placeholder(text) && !portName(text) {
		a.tell(n, path, "%q is no name for a port of a container, and Kubernetes refuses it; write %s", shortened(text), namesOfPorts(text))
	}
}

func namesOfPorts(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return "the number without quotes"
	}
	return "at most 15 lowercase letters, digits and \"-\", a letter among them"
}

var portLetters = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// portName says whether a text is a name of RFC 6335, section 5.1, in lower case.
func portName(text string) bool {
	return len(text) <= 15 && portLetters.MatchString(text) && !strings.Contains(text, "--") && strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz")
}

func (a ports) workload(w *kubernetes.Workload) {
	for _, c := range w.Containers() {
		names := map[string]bool{}
		for _, port := range c.Node.Get("ports").Items() {
			path := c.Path + ".ports[" + port.Get("containerPort").Text() + "]"
			a.number(port.Get("containerPort"), path, false)
			if host := port.Get("hostPort"); host.Text() != "0" {
				a.number(host, path+".hostPort", false)
			}
			a.name(port.Get("name"), path+".name")
			if name := port.Get("name"); name.Text() != "" && names[name.Text()] && !schema.Placeholder(name.Text()) {
				a.tell(name, path+".name", "container %q has two ports named %q, and Kubernetes refuses it; rename one", c.Name, name.Text())
			}
			names[port.Get("name").Text()] = true
		}
		for _, h := range c.Handlers() {
			for _, way := range []string{"httpGet", "tcpSocket"} {
				a.number(h.Node.Get(way).Get("port"), c.Path+"."+h.Name+".port", true)
			}
		}
	}
}

func (a ports) service() {
	names := map[string]bool{}
	items := a.object.Node.Get("spec").Get("ports").Items()
	for _, port := range items {
		path := "spec.ports[" + port.Get("port").Text() + "]"
		a.number(port.Get("port"), path, false)
		if target := port.Get("targetPort"); target.Text() != "0" { // which means port
			a.number(target, path+".targetPort", true)
		}
		name := port.Get("name")
		switch text := name.Text(); {
		case text == "" && len(items) > 1 && !port.Get("port").IsNull() && whole(a.object):
			a.tell(port.Get("port"), path+".name", "the service has %d ports and this one has no name, and Kubernetes refuses it; name it", len(items))
		case text == "" || schema.Placeholder(text):
		case len(text) > 63 || !dnsLabel.pattern.MatchString(text):
			a.tell(name, path+".name", "%q is no name for a port, and Kubernetes refuses it; write %s", shortened(text), dnsLabel.takes)
		case names[text]:
			a.tell(name, path+".name", "the service has two ports named %q, and Kubernetes refuses it; rename one", text)
		}
		names[name.Text()] = true
	}
}
