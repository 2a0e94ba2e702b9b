package kubernetes

import (
	"slices"
	"strconv"
)

// Service is the view on a Service.
type Service struct {
	*Object
	Ports []ServicePort

	selector Selector
}

// ServicePort is one port of a Service.
type ServicePort struct {
	Node     Node
	Name     string
	Port     int    // 0 where it cannot be read
	Target   string // the targetPort as it stands, or the port where there is none
	Protocol string
}

// Service returns the view on a Service.
func (o *Object) Service() (*Service, bool) {
	if o.Kind != "Service" || o.Group() != "" {
		return nil, false
	}
	spec := o.Node.Get("spec")
	s := &Service{Object: o, selector: PlainSelector(spec.Get("selector"))}
	for _, n := range spec.Get("ports").Items() {
		p := ServicePort{Node: n, Name: n.Get("name").Text(), Target: n.Get("targetPort").Text(), Protocol: protocol(n)}
		p.Port, _ = strconv.Atoi(n.Get("port").Text())
		if p.Target == "" || p.Target == "0" {
			p.Target = n.Get("port").Text()
		}
		s.Ports = append(s.Ports, p)
	}
	return s, true
}

func protocol(n Node) string {
	if p := n.Get("protocol").Text(); p != "" {
		return p
	}
	return "TCP"
}

// Selects returns the selector of the pods behind the Service: nothing for those
// whose endpoints somebody else writes, and for names of other hosts.
func (s *Service) Selects() Selector {
	if s.Node.Get("spec").Get("type").Text() == "ExternalName" {
		return Selector{}
	}
	return s.selector
}

func (s *Service) home() string { return s.Namespace }

// Services returns those that select the pods of w, or may.
func (s *Set) Services(w *Workload) []*Service {
	if s == nil {
		return nil
	}
	return s.index.services.of(w.Namespace, s.Labels(w))
}

// Budget is the view on a PodDisruptionBudget.
type Budget struct {
	*Object

	selector Selector
}

// Budget returns the view on a PodDisruptionBudget.
func (o *Object) Budget() (*Budget, bool) {
	if o.Kind != "PodDisruptionBudget" || o.Group() != "policy" {
		return nil, false
	}
	b := &Budget{Object: o, selector: LabelSelector(o.Node.Get("spec").Get("selector"))}
	if o.APIVersion == "policy/v1beta1" && b.selector.Everything() {
		b.selector = Selector{} // there an empty selector meant nothing
	}
	return b, true
}

// Selects returns the selector of the pods that the budget counts.
func (b *Budget) Selects() Selector { return b.selector }

func (b *Budget) home() string { return b.Namespace }

// Budgets returns those that select the pods of w, or may.
func (s *Set) Budgets(w *Workload) []*Budget {
	if s == nil {
		return nil
	}
	return s.index.budgets.of(w.Namespace, s.Labels(w))
}

// Scalers returns the HorizontalPodAutoscalers of w's namespace, or of one that
// may be it, that scale w; and what of other makers may do so.
func (s *Set) Scalers(w *Workload) (scalers, others []*Object) {
	if s == nil {
		return nil, nil
	}
	for _, o := range s.index.scalers[named{w.Kind, w.Name}] {
		switch {
		case !near(o.Namespace, w.Namespace):
		case o.Group() == "autoscaling":
			scalers = append(scalers, o)
		default:
			others = append(others, o)
		}
	}
	return scalers, others
}

// scaled returns what an object scales.
func scaled(o *Object) (kind, name string) {
	spec := o.Node.Get("spec")
	switch {
	case o.Kind == "HorizontalPodAutoscaler" && o.Group() == "autoscaling", o.Kind == "ScaledObject" && o.Group() == "keda.sh":
		ref := spec.Get("scaleTargetRef")
		if kind = ref.Get("kind").Text(); kind == "" {
			kind = "Deployment" // KEDA's default
		}
		return kind, ref.Get("name").Text()
	case spec.Get("targetRef").IsMap() && !builtin(o.Group()): // VerticalPodAutoscaler, MultidimPodAutoscaler
		ref := spec.Get("targetRef")
		return ref.Get("kind").Text(), ref.Get("name").Text()
	}
	return "", ""
}

// Replicas returns how many pods of w there are at least: those that an
// autoscaler keeps, else those that are written. Known is false where neither
// tells, or where several do.
func (s *Set) Replicas(w *Workload) (n int, known bool) {
	scalers, others := s.Scalers(w)
	if len(others) > 0 || len(scalers) > 1 {
		return 0, false
	}
	if len(scalers) == 1 {
		if !s.Together(scalers[0], w.Object) {
			return 0, false
		}
		least := scalers[0].Node.Get("spec").Get("minReplicas")
		if least.IsNull() {
			return 1, true
		}
		n, err := strconv.Atoi(least.Text())
		return n, err == nil
	}
	replicas := w.Node.Get("spec").Get("replicas")
	if replicas.IsNull() {
		return 1, s != nil && s.Complete
	}
	n, err := strconv.Atoi(replicas.Text())
	return n, err == nil
}

// ContainerPort is one port that a container declares.
type ContainerPort struct {
	Container *Container
	Node      Node
	Name      string
	Number    int
	Protocol  string
}

// Ports lists the ports that the containers of w declare: those that run beside
// each other, since the others are gone when anybody asks.
func (w *Workload) Ports() []ContainerPort {
	var all []ContainerPort
	for _, c := range w.Containers() {
		if c.Role != Main && c.Role != Sidecar {
			continue
		}
		for _, n := range c.Node.Get("ports").Items() {
			p := ContainerPort{Container: c, Node: n, Name: n.Get("name").Text(), Protocol: protocol(n)}
			p.Number, _ = strconv.Atoi(n.Get("containerPort").Text())
			all = append(all, p)
		}
	}
	return all
}

// Resolve returns the number of the pods' port that a Service's target names:
// the number itself, or that of the container port of this name; 0 where no
// container has one.
func (w *Workload) Resolve(target, protocol string) int {
	if n, err := strconv.Atoi(target); err == nil {
		return n
	}
	ports := w.Ports()
	i := slices.IndexFunc(ports, func(p ContainerPort) bool { return p.Name == target && p.Protocol == protocol })
	if i < 0 {
		return 0
	}
	return ports[i].Number
}

// LabelledServices returns those of a namespace, or of one that may be it, that
// have labels which a selector selects.
func (s *Set) LabelledServices(namespace string, selector Selector) []*Service {
	var all []*Service
	for _, service := range s.index.labelled.of(selector) {
		if near(service.Namespace, namespace) {
			all = append(all, service)
		}
	}
	return all
}

// labelled are Services by their own labels.
type labelled map[label][]*Service

func (x labelled) add(s *Service) {
	for key, value := range texts(s.Node.Get("metadata").Get("labels")) {
		x[label{key, value}] = append(x[label{key, value}], s)
	}
}

// of returns some of those that a selector selects; none for a selector that asks
// for no label.
func (x labelled) of(selector Selector) []*Service {
	var all []*Service
	for _, l := range selector.anchors(func(l label) int { return len(x[l]) }) {
		for _, s := range x[l] {
			if len(all) < most && selector.Matches(texts(s.Node.Get("metadata").Get("labels"))) {
				all = append(all, s)
			}
		}
	}
	return all
}

// Anywhere is the set of all manifests that there are, of which this may be what
// one chart or kustomization renders to: what is there is not missing.
func (s *Set) Anywhere() *Set {
	if s != nil && s.Definitions != nil {
		return s.Definitions
	}
	return s
}

// HasPolicies says whether there is a NetworkPolicy of Kubernetes in the set.
func (s *Set) HasPolicies() bool { return s != nil && s.policing }

// Monitored says that something in the set looks for the metrics of w, or may: a
// monitor that selects its pods or a Service before them, in whatever namespace, or
// something of another maker.
func (s *Set) Monitored(w *Workload) bool {
	if s == nil || s.monitored || len(s.index.podMonitors.of("", s.Labels(w))) > 0 {
		return true
	}
	for _, service := range s.Services(w) {
		if len(s.index.monitors.of("", texts(service.Node.Get("metadata").Get("labels")))) > 0 {
			return true
		}
	}
	return false
}

// Monitor is the view on an object of the Prometheus operator that says where
// metrics are read.
type Monitor struct {
	*Object

	selector Selector
}

// Selects returns the selector of the Services, or of the pods, that serve metrics.
func (m *Monitor) Selects() Selector { return m.selector }

func (m *Monitor) home() string { return "" }

// Delivered says that something in the set applies manifests from a repository.
func (s *Set) Delivered() bool { return s == nil || s.delivered }

// First is the first workload of the set, nil without one.
func (s *Set) First() *Workload {
	if s == nil || len(s.index.all) == 0 {
		return nil
	}
	return s.index.all[0]
}

// note takes what the set as a whole is said to have.
func (s *Set) note(o *Object) {
	switch o.Kind {
	case "ServiceMonitor", "PodMonitor":
		monitor := &Monitor{Object: o, selector: LabelSelector(o.Node.Get("spec").Get("selector"))}
		if o.Kind == "PodMonitor" {
			s.index.podMonitors.add(monitor)
		} else {
			s.index.monitors.add(monitor)
		}
	case "ScrapeConfig", "VMServiceScrape", "VMPodScrape", "PodMonitoring", "ClusterPodMonitoring", "OpenTelemetryCollector", "Instrumentation":
		s.monitored = s.monitored || !builtin(o.Group())
	case "Application", "ApplicationSet", "Kustomization", "HelmRelease", "GitRepository", "GitRepo", "RootSync", "RepoSync", "App":
		s.delivered = s.delivered || !builtin(o.Group())
	}
	if _, ok := o.Policy(); ok {
		s.policing = true
	}
	s.otherPolicies = s.otherPolicies || policing(o)
}
