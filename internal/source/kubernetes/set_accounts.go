package kubernetes

// rbac is the API group of roles and what binds them.
const rbac = "rbac.authorization.k8s.io"

// Bindings returns the RoleBindings and ClusterRoleBindings that give rights to a
// ServiceAccount of a namespace, or to one that may be it.
func (s *Set) Bindings(namespace, account string) []*Object {
	if s == nil {
		return nil
	}
	var all []*Object
	for _, o := range s.index.bound[named{"ServiceAccount", account}] {
		for _, subject := range o.Node.Get("subjects").Items() {
			if subject.Get("name").Text() != account || subject.Get("kind").Text() != "ServiceAccount" {
				continue
			}
			if near(subject.Get("namespace").Text(), namespace) {
				all = append(all, o)
				break
			}
		}
		if len(all) == most {
			break
		}
	}
	for _, group := range []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace} {
		all = append(all, s.index.bound[named{"Group", group}]...)
	}
	return all
}

// right is something that a role lets somebody do.
type right struct{ verb, resource string }

// May says whether a role of the set lets somebody do something to what is named
// in the core API group.
func (s *Set) May(verb, resource string) bool {
	if s == nil {
		return true
	}
	for _, r := range []right{{verb, resource}, {verb, "*"}, {"*", resource}, {"*", "*"}} {
		if s.index.rights[r] {
			return true
		}
	}
	return false
}

// addRights takes what a Role or ClusterRole lets somebody do.
func (x *index) addRights(o *Object) {
	for _, rule := range o.Node.Get("rules").Items() {
		for _, verb := range rule.Get("verbs").Items() {
			for _, resource := range rule.Get("resources").Items() {
				x.rights[right{verb.Text(), resource.Text()}] = true
			}
		}
	}
}
