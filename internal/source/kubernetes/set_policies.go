package kubernetes

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Policy is the view on a NetworkPolicy.
type Policy struct {
	*Object
	// Ingress and Egress say which directions it closes for the pods that it selects.
	Ingress, Egress bool

	selector Selector
}

// Policy returns the view on a NetworkPolicy of Kubernetes itself.
func (o *Object) Policy() (*Policy, bool) {
	if o.Kind != "NetworkPolicy" || o.Group() != "networking.k8s.io" && o.Group() != "extensions" {
		return nil, false
	}
	spec := o.Node.Get("spec")
	p := &Policy{Object: o, selector: LabelSelector(spec.Get("podSelector"))}
	if spec.IsMap() && spec.Get("podSelector").IsNull() {
		p.selector = Selector{present: true} // it is no pointer: an absent one is an empty one
	}
	if types := spec.Get("policyTypes").Items(); len(types) > 0 {
		for _, t := range types {
			p.Ingress = p.Ingress || t.Text() == "Ingress"
			p.Egress = p.Egress || t.Text() == "Egress"
		}
		return p, true
	}
	p.Ingress, p.Egress = true, len(spec.Get("egress").Items()) > 0
	return p, true
}

// Selects returns the selector of the pods that the policy is for.
func (p *Policy) Selects() Selector { return p.selector }

func (p *Policy) home() string { return p.Namespace }

// Direction is that of the traffic that a rule of a policy allows.
type Direction string

// The directions, as the keys under which a policy's rules stand.
const (
	Ingress Direction = "ingress"
	Egress  Direction = "egress"
)

// Peers is the key under which a rule of this direction names the other side.
func (d Direction) Peers() string {
	if d == Ingress {
		return "from"
	}
	return "to"
}

// Closes says whether the policy refuses, in a direction, what it does not allow.
func (p *Policy) Closes(d Direction) bool {
	if d == Ingress {
		return p.Ingress
	}
	return p.Egress
}

// Rules are those of a direction.
func (p *Policy) Rules(d Direction) []Node { return p.Node.Get("spec").Get(string(d)).Items() }

// Policies returns those that select the pods of w, or may.
func (s *Set) Policies(w *Workload) []*Policy {
	if s == nil {
		return nil
	}
	if all, ok := s.policies[w]; ok {
		return all
	}
	return s.index.policies.of(w.Namespace, s.Labels(w))
}

// OtherPolicies says whether there are policies of other makers, which may select
// any pod.
func (s *Set) OtherPolicies() bool { return s != nil && s.otherPolicies }

// policing are the kinds of other makers that do what a NetworkPolicy does.
func policing(o *Object) bool {
	switch o.Kind {
	case "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "AdminNetworkPolicy",
		"BaselineAdminNetworkPolicy", "ClusterNetworkPolicy", "AuthorizationPolicy", "MultiNetworkPolicy":
		return true
	}
	return o.Kind == "NetworkPolicy" && !builtin(o.Group())
}

// Answer is yes, no, or that the manifests do not tell.
type Answer int

// The answers; the zero value is Unknown.
const (
	Unknown Answer = iota
	No
	Yes
)

func either(a, b Answer) Answer {
	switch {
	case a == Yes || b == Yes:
		return Yes
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return No
}

// Flow is traffic between two workloads to a port of the pods that it reaches.
type Flow struct {
	From, To *Workload
	Port     int
	Protocol string
}

// Allowed says whether policies let a flow leave its source, or enter its target.
// Where they do not, closed are those that close the direction.
func (s *Set) Allowed(d Direction, f Flow) (answer Answer, closed []*Policy) {
	here, there := f.From, f.To
	if d == Ingress {
		here, there = f.To, f.From
	}
	if s.OtherPolicies() {
		return Unknown, nil
	}
	answer = No
	for _, p := range s.Policies(here) {
		if !p.Closes(d) {
			continue
		}
		sure := s.Together(p.Object, here.Object)
		if sure {
			closed = append(closed, p)
		}
		for _, rule := range p.Rules(d) {
			if got := s.passes(p, rule, d, there, f); got != No {
				answer = either(answer, got)
			}
		}
	}
	if len(closed) == 0 {
		return Unknown, nil
	}
	return answer, closed
}

func (s *Set) passes(p *Policy, rule Node, d Direction, there *Workload, f Flow) Answer {
	if PortsAllow(rule, f.To, f.Port, f.Protocol) == No {
		return No
	}
	peers := rule.Get(d.Peers()).Items()
	if len(peers) == 0 {
		return Yes
	}
	answer := No
	for _, peer := range peers {
		answer = either(answer, s.means(p, peer, there))
	}
	return answer
}

// means says whether a peer of a policy's rule is a workload.
func (s *Set) means(p *Policy, peer Node, w *Workload) Answer {
	if block := peer.Get("ipBlock"); block.Exists() {
		return Unknown // nobody knows the addresses of pods
	}
	namespaces, pods := peer.Get("namespaceSelector"), peer.Get("podSelector")
	if !pods.IsNull() {
		selector := LabelSelector(pods)
		if selector.Doubtful() {
			return Unknown
		}
		if !selector.Matches(s.Labels(w)) {
			return No
		}
	}
	if namespaces.IsNull() {
		switch {
		case s.Together(p.Object, w.Object):
			return Yes
		case near(p.Namespace, w.Namespace):
			return Unknown
		}
		return No
	}
	return s.InNamespace(LabelSelector(namespaces), w.Namespace)
}

// InNamespace says whether a selector of namespaces selects this one: by the
// labels of its Namespace object, and by the name that Kubernetes itself gives
// every namespace as a label.
func (s *Set) InNamespace(selector Selector, namespace string) Answer {
	if selector.Everything() {
		return Yes
	}
	if selector.Doubtful() || namespace == "" {
		return Unknown
	}
	const name = "kubernetes.io/metadata.name"
	labels := map[string]string{name: namespace}
	objects := s.Find("", "", "Namespace", namespace)
	if len(objects) == 1 {
		maps.Copy(labels, texts(objects[0].Node.Get("metadata").Get("labels")))
		labels[name] = namespace
	}
	if selector.Matches(labels) {
		if len(objects) == 1 || !slices.ContainsFunc(selector.keys(), func(key string) bool { return key != name }) {
			return Yes
		}
		return Unknown
	}
	if len(objects) != 1 {
		// Labels that nobody here sees may be what is asked for.
		for _, p := range selector.pairs {
			if p.key == name && p.value != namespace {
				return No
			}
		}
		if slices.ContainsFunc(selector.keys(), func(key string) bool { return key != name }) {
			return Unknown
		}
	}
	return No
}

// PortsAllow says whether the ports of a policy's rule hold a port of w.
func PortsAllow(rule Node, w *Workload, port int, protocols string) Answer {
	ports := rule.Get("ports").Items()
	if len(ports) == 0 {
		return Yes
	}
	answer := No
	for _, n := range ports {
		if protocol(n) != protocols {
			continue
		}
		answer = either(answer, portIs(n, w, port))
	}
	return answer
}

func portIs(n Node, w *Workload, port int) Answer {
	text := n.Get("port").Text()
	if text == "" {
		return Yes
	}
	from, err := strconv.Atoi(text)
	if err != nil {
		switch got := w.Resolve(text, protocol(n)); got {
		case port:
			return Yes
		case 0:
			if Placeholder(text) {
				return Unknown
			}
		}
		return No
	}
	to, err := strconv.Atoi(n.Get("endPort").Text())
	if err != nil {
		to = from
	}
	if port == 0 {
		return Unknown
	}
	if from <= port && port <= to {
		return Yes
	}
	return No
}

// AllowsDNS says whether a rule of egress lets names be resolved: port 53, or a
// port that DNS pods listen on behind it (OpenShift's 5353, names with "dns").
func AllowsDNS(rule Node) bool {
	ports := rule.Get("ports").Items()
	if len(ports) == 0 {
		return true
	}
	for _, n := range ports {
		text := n.Get("port").Text()
		if text == "" || strings.Contains(strings.ToLower(text), "dns") || Placeholder(text) {
			return true
		}
		from, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		to, err := strconv.Atoi(n.Get("endPort").Text())
		if err != nil {
			to = from
		}
		for _, port := range []int{53, 5353, 1053, 8053} {
			if from <= port && port <= to {
				return true
			}
		}
	}
	return false
}

// Isolable says that policies do something for the pods of w: not for those on the
// network of their node. Pods that run to their end are gone too soon for most to
// mind, and nobody reaches them.
func (w *Workload) Isolable() bool {
	return !isTrue(w.Pod.Get("hostNetwork")) && !w.RunsToEnd()
}

// Covered says whether policies, for sure or perhaps, close the directions of
// traffic of w's pods.
func (s *Set) Covered(w *Workload) (ingress, egress bool) {
	for _, p := range s.Policies(w) {
		ingress, egress = ingress || p.Ingress, egress || p.Egress
	}
	return ingress, egress
}

// Openness is what policies leave open of a namespace, or of a directory of
// manifests without one.
type Openness struct {
	// Workloads is how many there are that policies could cover.
	Workloads int
	// None, NoIngress and NoEgress say that no workload is covered at all, or in one
	// direction.
	None, NoIngress, NoEgress bool
	// First are the first workloads that are open in just the direction "ingress" or
	// "egress", or in both for "".
	First map[string]*Workload
}

// Uncovered says what policies leave open of all that is in w's namespace, or of
// all in its directory where only that is open altogether.
func (s *Set) Uncovered(w *Workload) (open Openness, dir string) {
	open = s.open[where{w.Namespace, ""}]
	if w.Namespace == "" && !open.None {
		return s.open[where{"", w.dir()}], w.dir()
	}
	return open, ""
}

// where is a namespace, or a directory of manifests without one.
type where struct{ namespace, dir string }

// uncovered looks at all workloads once.
func (s *Set) uncovered() map[where]Openness {
	s.policies = make(map[*Workload][]*Policy, len(s.index.all))
	open := map[where]Openness{}
	for _, w := range s.index.all {
		if !w.Isolable() {
			continue
		}
		s.policies[w] = s.Policies(w)
		ingress, egress := s.Covered(w)
		places := []where{{w.Namespace, ""}}
		if w.Namespace == "" {
			places = append(places, where{"", w.dir()})
		}
		for _, place := range places {
			o, ok := open[place]
			if !ok {
				o = Openness{None: true, NoIngress: true, NoEgress: true, First: map[string]*Workload{}}
			}
			o.add(w, ingress, egress)
			open[place] = o
		}
	}
	return open
}

func (o *Openness) add(w *Workload, ingress, egress bool) {
	o.Workloads++
	o.None = o.None && !ingress && !egress
	o.NoIngress, o.NoEgress = o.NoIngress && !ingress, o.NoEgress && !egress
	direction := ""
	switch {
	case ingress && egress:
		return
	case ingress:
		direction = "egress"
	case egress:
		direction = "ingress"
	}
	if o.First[direction] == nil {
		o.First[direction] = w
	}
}
