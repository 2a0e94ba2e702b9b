package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// setOf parses files, whose texts may be several documents.
func setOf(t testing.TB, files map[string]string) *Set {
	t.Helper()
	var parsed []*File
	for _, path := range slices.Sorted(maps.Keys(files)) {
		src, err := source.NewFile(path, []byte(files[path]))
		if err != nil {
			t.Fatal(err)
		}
		f, unread := Parse(src)
		if len(unread) > 0 {
			t.Fatal(unread)
		}
		parsed = append(parsed, f)
	}
	return NewSet(parsed, Kustomizations{})
}

// The semantics of
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
func TestSelectors(t *testing.T) {
	labels := map[string]string{"app": "web", "tier": "front"}
	for text, want := range map[string]bool{
		"null":                            false,
		"{}":                              true,
		"{matchLabels: {}}":               true,
		"{matchLabels: {app: web}}":       true,
		"{matchLabels: {app: web, x: y}}": false,
		"{matchLabels: {app: db}}":        false,
		"{matchExpressions: [{key: app, operator: In, values: [db, web]}]}":                                      true,
		"{matchExpressions: [{key: app, operator: In, values: [db]}]}":                                           false,
		"{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}":                                        true,
		"{matchExpressions: [{key: none, operator: NotIn, values: [db]}]}":                                       true,
		"{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}":                                       false,
		"{matchExpressions: [{key: app, operator: Exists}]}":                                                     true,
		"{matchExpressions: [{key: none, operator: Exists}]}":                                                    false,
		"{matchExpressions: [{key: none, operator: DoesNotExist}]}":                                              true,
		"{matchExpressions: [{key: app, operator: DoesNotExist}]}":                                               false,
		"{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [front]}]}":              true,
		"{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [back]}]}":               false,
		"{matchExpressions: [{key: app, operator: Exists}, {key: tier, operator: NotIn, values: [back, down]}]}": true,
	} {
		f, _ := parse(t, "selector: "+text+"\n")
		selector := LabelSelector(f.yaml.Documents[0].Get("selector"))
		if got := selector.Matches(labels); got != want || selector.Doubtful() {
			t.Errorf("%s selects: %v, want %v", text, got, want)
		}
	}
	f, _ := parse(t, "a: {matchExpressions: [{key: app, operator: Gt, values: ['1']}]}\nb: {matchLabels: {app: '${APP}'}}\nc: {app: web}\nd: {}\n")
	root := f.yaml.Documents[0]
	if !LabelSelector(root.Get("a")).Doubtful() || !LabelSelector(root.Get("b")).Doubtful() {
		t.Error("what cannot be read is sure")
	}
	if !PlainSelector(root.Get("c")).Matches(labels) || !PlainSelector(root.Get("d")).Nothing() || LabelSelector(Node{}).Matches(labels) {
		t.Error("plain, empty or absent selectors are wrong")
	}
	if got := LabelSelector(root.Get("a")).String() + " " + PlainSelector(root.Get("c")).String(); got != "app app=web" {
		t.Errorf("written %q", got)
	}
}

func deployment(name, namespace, labels string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: %s}\nspec:\n  template:\n    metadata: {labels: {%s}}\n    spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}\n", name, namespace, labels)
}

func namesOf(workloads []*Workload) string {
	var all []string
	for _, w := range workloads {
		all = append(all, w.Namespace+"/"+w.Name)
	}
	return strings.Join(all, " ")
}

func TestSelected(t *testing.T) {
	s := setOf(t, map[string]string{
		"a.yaml": deployment("web", "shop", "app: web, tier: front") + deployment("db", "shop", "app: db") + deployment("other", "mail", "app: web"),
		"b.yaml": deployment("loose", "", "app: web"),
	})
	for text, want := range map[string]string{
		"shop {matchLabels: {app: web}}":              "shop/web /loose",
		"shop {matchLabels: {app: web, tier: front}}": "shop/web",
		"mail {matchLabels: {app: web}}":              "mail/other /loose",
		"none {matchLabels: {app: web}}":              "/loose",
		"shop {}":                                     "shop/web shop/db /loose",
		"shop {matchExpressions: [{key: app, operator: In, values: [db, web, web]}]}": "shop/db shop/web /loose",
		"shop {matchExpressions: [{key: tier, operator: DoesNotExist}]}":              "shop/db /loose",
		"shop null":                  "",
		" {matchLabels: {app: web}}": "shop/web mail/other /loose",
		" {matchExpressions: [{key: tier, operator: Exists}]}": "shop/web",
	} {
		namespace, selector, _ := strings.Cut(text, " ")
		f, _ := parse(t, "selector: "+selector+"\n")
		if got := namesOf(s.Selected(namespace, LabelSelector(f.yaml.Documents[0].Get("selector")))); got != want {
			t.Errorf("%s selects %q, want %q", text, got, want)
		}
	}
}

// A policy that selects by anything Kubernetes has is found for its pods, and no
// other: polaris and kube-score (#293) go wrong with most of these.
func TestPoliciesOf(t *testing.T) {
	policy := func(name, namespace, spec string) string {
		return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", name, namespace, spec)
	}
	s := setOf(t, map[string]string{
		"a.yaml": deployment("web", "shop", "app: web, tier: front") +
			policy("all", "shop", "podSelector: {}, policyTypes: [Ingress, Egress]") +
			policy("none-given", "shop", "ingress: []") +
			policy("two", "shop", "podSelector: {matchLabels: {app: web, tier: front}}") +
			policy("expression", "shop", "podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}, egress: [{}]") +
			policy("negative", "shop", "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}") +
			policy("elsewhere", "mail", "podSelector: {}") +
			policy("loose", "''", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]"),
	})
	var got []string
	for _, p := range s.Policies(s.Workloads()[0]) {
		got = append(got, fmt.Sprintf("%s %v %v", p.Name, p.Ingress, p.Egress))
	}
	slices.Sort(got)
	want := []string{"all true true", "expression true true", "loose false true", "none-given true false", "two true false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestAllowed(t *testing.T) {
	const namespaces = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: mail, labels: {team: post}}\n"
	for name, c := range map[string]struct {
		spec string
		want Answer
	}{
		"nothing":            {"ingress: []", No},
		"everybody":          {"ingress: [{}]", Yes},
		"port":               {"ingress: [{ports: [{port: 8080}]}]", Yes},
		"named port":         {"ingress: [{ports: [{port: http}]}]", Yes},
		"another port":       {"ingress: [{ports: [{port: 80}, {port: https}]}]", No},
		"another protocol":   {"ingress: [{ports: [{port: 8080, protocol: UDP}]}]", No},
		"range":              {"ingress: [{ports: [{port: 8000, endPort: 9000}]}]", Yes},
		"pods here":          {"ingress: [{from: [{podSelector: {}}]}]", No},
		"pods everywhere":    {"ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: mailer}}}]}]", Yes},
		"other pods":         {"ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}]", No},
		"namespace by name":  {"ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mail}}}]}]", Yes},
		"namespace by label": {"ingress: [{from: [{namespaceSelector: {matchLabels: {team: post}}}]}]", Yes},
		"namespace not":      {"ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}]}]", No},
		"addresses":          {"ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", Unknown},
		"one of two":         {"ingress: [{from: [{podSelector: {}}]}, {ports: [{port: 8080}]}]", Yes},
		"another direction":  {"egress: [], policyTypes: [Egress]", Unknown},
	} {
		s := setOf(t, map[string]string{"a.yaml": namespaces + deployment("web", "shop", "app: web") + deployment("mailer", "mail", "app: mailer") +
			"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {" + c.spec + "}\n"})
		all := s.Workloads()
		got, _ := s.Allowed(Ingress, Flow{From: all[1], To: all[0], Port: 8080, Protocol: "TCP"})
		if got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	// Without the Namespace object nobody knows its labels.
	s := setOf(t, map[string]string{"a.yaml": deployment("web", "shop", "app: web")})
	for text, want := range map[string]Answer{"{matchLabels: {team: post}}": Unknown, "{matchLabels: {kubernetes.io/metadata.name: mail}}": Yes, "{matchLabels: {kubernetes.io/metadata.name: shop, a: b}}": No} {
		f, _ := parse(t, "selector: "+text+"\n")
		if got := s.InNamespace(LabelSelector(f.yaml.Documents[0].Get("selector")), "mail"); got != want {
			t.Errorf("%s of an unseen namespace: %v, want %v", text, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	const config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\n"
	s := setOf(t, map[string]string{"a.yaml": fmt.Sprintf(config, "app", "shop") + fmt.Sprintf(config, "app", "mail") + fmt.Sprintf(config, "hashed-6ct58987ht", "shop") +
		"---\napiVersion: db.example.com/v1\nkind: Cluster\nmetadata: {name: orders}\nspec: {superuser: {secretName: root-login}}\n"})
	for text, want := range map[string]int{"shop app": 1, " app": 2, "none app": 0, "shop hashed": 1, "shop hashed-6ct58987ht": 1, "shop hashed-7777777777": 0, "shop nothing": 0} {
		namespace, name, _ := strings.Cut(text, " ")
		if got := len(s.Find(namespace, "", "ConfigMap", name)); got != want {
			t.Errorf("%q is there %d times, want %d", text, got, want)
		}
	}
	for name, want := range map[string]bool{"orders-app": true, "orders": true, "root-login": true, "order": false, "ordersapp": false} {
		if s.MayMake(name) != want {
			t.Errorf("an operator may make %s: %v", name, !want)
		}
	}
}

// TestManyByMany is what would take minutes if anything looked at all pods for
// each Service, or the other way round.
func TestManyByMany(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, labels: {app: web, id: i%d}}\nspec: {containers: [{name: a}]}\n", i, i)
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d}\nspec: {selector: {app: web}}\n", i)
		fmt.Fprintf(&b, "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n%d}\nspec: {podSelector: {}}\n", i)
	}
	s := setOf(t, map[string]string{"a.yaml": b.String()})
	for _, o := range s.Objects() {
		if service, ok := o.Service(); ok && len(s.Selected("", service.Selects())) != most {
			t.Fatal("the pods of a Service are not bounded")
		}
		if w, ok := o.Workload(); ok && (len(s.Services(w)) != most || len(s.Policies(w)) != most) {
			t.Fatal("the Services of a pod are not bounded")
		}
	}
}
