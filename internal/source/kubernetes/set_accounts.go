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
