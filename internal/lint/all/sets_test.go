package all

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// TestPeersGetSetsWrong holds defects of peers on several objects, by the report of
// them. Each line of want is "rule line"; the rules that are named, or those of one
// prefix, are looked at.
func TestPeersGetSetsWrong(t *testing.T) {
	workload := func(kind, name, labels, rest string) string {
		return fmt.Sprintf("apiVersion: apps/v1\nkind: %s\nmetadata: { name: %s, namespace: shop }\nspec:\n  selector: { matchLabels: { app: %s } }\n  template:\n    metadata: { labels: { %s } }\n    spec:\n      containers: [{ name: a, image: a:1, %s }]\n---\n", kind, name, name, labels, rest)
	}
	web := workload("Deployment", "web", "app: web, tier: front", "ports: [{ name: http, containerPort: 8080 }]")
	policy := func(spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: shop }\nspec: { " + spec + " }\n---\n"
	}
	const both = ", policyTypes: [Ingress, Egress]"
	service := func(spec string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }\nspec: { " + spec + " }\n---\n"
	}
	budget := func(spec string) string {
		return "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: b, namespace: shop }\nspec: { unhealthyPodEvictionPolicy: AlwaysAllow, " + spec + " }\n---\n"
	}
	const config = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings, namespace: %s }\ndata: { level: info }\n---\n"
	for name, c := range map[string]struct {
		text, rules, want string
		complete          bool
	}{
		// B10, polaris#1088, #1202, kube-score#293: what a policy may select by.
		"polaris and two labels":      {web + policy("podSelector: { matchLabels: { app: web, tier: front } }"+both), "NET-1", "", true},
		"polaris and the empty one":   {web + policy("podSelector: {}"+both), "NET-1", "", true},
		"polaris and no rules":        {web + policy("podSelector: {}"+both+", ingress: [], egress: []"), "NET-1", "", true},
		"polaris#1202, expressions":   {web + policy("podSelector: { matchExpressions: [{ key: app, operator: In, values: [web] }] }"+both), "NET-1", "", true},
		"kube-score#293, namespaces":  {web + strings.Replace(policy("podSelector: {}"+both), "shop", "mail", 1), "NET-1", "NET-1.a 3", true},
		"types that are left out":     {web + policy("podSelector: {}, egress: [{}]"), "NET-1", "", true},
		"one direction is not both":   {web + policy("podSelector: {}"), "NET-1", "NET-1.a 3", true},
		"Cilium may do it":            {web + "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: c, namespace: shop }\nspec: { endpointSelector: {} }\n", "NET-1", "", true},
		"an absent selector is empty": {web + policy("policyTypes: [Ingress, Egress]"), "NET-1", "", true},
		"another label covers no one": {web + policy("podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [web] }] }"+both), "NET-1", "NET-1.a 3", true},
		"nodes' networks are not it":  {strings.Replace(web, "    spec:\n", "    spec:\n      hostNetwork: true\n", 1), "NET-1", "", true},
		"Jobs are over soon":          {"apiVersion: batch/v1\nkind: Job\nmetadata: { name: j, namespace: shop }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: a:1 }] } } }\n", "NET-1", "", true},
		"a namespace is one cause":    {web + workload("Deployment", "api", "app: api", "ports: []"), "NET-1", "NET-1.a 3", false},
		// B14: the namespace of what an autoscaler scales.
		"kube-linter dangling-hpa": {web + "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: h, namespace: mail }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, maxReplicas: 3 }\n", "X-08", "X-08 14", true},
		"and the same in its own":  {web + "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: h, namespace: shop }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, maxReplicas: 3 }\n", "X-08", "", true},
		"in one that is not told":  {web + "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: h }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, maxReplicas: 3 }\n", "X-08", "", true},
		// B14: a budget selects by the labels of pods, not by a Deployment's selector.
		"kube-linter pdb-min-available": {workload("Deployment", "web", "app: web, tier: front", "ports: []") + budget("minAvailable: 1, selector: { matchLabels: { tier: front } }"), "X-09", "X-09 14", true},
		"and percentages":               {strings.Replace(web, "spec:\n", "spec:\n  replicas: 4\n", 1) + budget("minAvailable: 75%, selector: { matchLabels: { tier: front } }"), "X-09", "", true},
		"rounded up":                    {strings.Replace(web, "spec:\n", "spec:\n  replicas: 4\n", 1) + budget("minAvailable: 76%, selector: { matchLabels: { tier: front } }"), "X-09", "X-09 15", true},
		"and what an autoscaler keeps":  {web + budget("minAvailable: 2, selector: { matchLabels: { app: web } }") + "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: h, namespace: shop }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 2, maxReplicas: 3 }\n", "X-09", "X-09 14", true},
		"which may be another's":        {web + budget("minAvailable: 2, selector: { matchLabels: { app: web } }") + "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: { name: s, namespace: shop }\nspec: { scaleTargetRef: { name: web } }\n", "X-09 RES-3.a", "", true},
		// B12: probes are asked for by who is served; the port is one of the pods'.
		"kube-score pod-probes": {web + service("selector: { app: web }, ports: [{ port: 80, targetPort: http }]"), "PRB-1", "PRB-1.a 9", false},
		// #746: a Service without a selector has its endpoints from somebody else.
		"kube-linter#746":          {service("ports: [{ port: 80 }]") + "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: web, namespace: shop }\naddressType: FQDN\nendpoints: []\n", "X-07 NET-3", "", true},
		"kube-linter ExternalName": {service("type: ExternalName, externalName: web.example.com, selector: { app: none }"), "X-07 NET-3", "", true},
		"an open set knows little": {service("selector: { app: none }, ports: [{ port: 80 }]"), "X-07 NET-3", "", false},
		"a complete one does":      {service("selector: { app: none }, ports: [{ port: 80 }]"), "X-07", "X-07 4", true},
		"a Knative Service is not": {"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: { name: web }\nspec: { template: { spec: { containers: [{ image: a:1 }] } } }\n", "X-07 NET", "", true},
		"a Rollout may run them":   {service("selector: { app: web }, ports: [{ port: 80 }]") + "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: { name: r, namespace: shop }\nspec: { template: { metadata: { labels: { app: web } } } }\n", "X-07", "", true},
		// #137: who made the account is not told in an open set.
		"kube-linter#137":                {strings.Replace(web, "    spec:\n", "    spec:\n      serviceAccountName: made-by-hand\n", 1), "X-06", "", false},
		"kube-linter#137, and all there": {strings.Replace(web, "    spec:\n", "    spec:\n      serviceAccountName: made-by-hand\n", 1), "X-06", "X-06 9", true},
		// #1241: envFrom and volumes count, #1248: and so does the namespace, #705: and so does the key.
		"kube-linter#1241":     {workload("Deployment", "web", "app: web", "envFrom: [{ configMapRef: { name: gone } }]"), "X-06", "X-06 9", true},
		"kube-linter#1248":     {workload("Deployment", "web", "app: web", "envFrom: [{ configMapRef: { name: settings } }]") + fmt.Sprintf(config, "mail"), "X-06", "X-06 9", true},
		"and the right one":    {workload("Deployment", "web", "app: web", "envFrom: [{ configMapRef: { name: settings } }]") + fmt.Sprintf(config, "shop"), "X-06", "", true},
		"kube-linter#705":      {workload("Deployment", "web", "app: web", "env: [{ name: L, valueFrom: { configMapKeyRef: { name: settings, key: lvl } } }]") + fmt.Sprintf(config, "shop"), "X-06", "X-06 9", false},
		"unless optional":      {workload("Deployment", "web", "app: web", "env: [{ name: L, valueFrom: { configMapKeyRef: { name: settings, key: lvl, optional: true } } }]") + fmt.Sprintf(config, "shop"), "X-06", "", true},
		"an operator's Secret": {workload("Deployment", "web", "app: web", "envFrom: [{ secretRef: { name: login } }]") + "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: e, namespace: shop }\nspec: { target: { name: login } }\n", "X-06", "", true},
		"a sealed Secret":      {workload("Deployment", "web", "app: web", "envFrom: [{ secretRef: { name: login } }]") + "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: { name: login, namespace: shop }\nspec: { encryptedData: { a: b } }\n", "X-06", "", true},
		"a certificate":        {workload("Deployment", "web", "app: web", "envFrom: [{ secretRef: { name: tls } }]") + "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: c, namespace: shop }\nspec: { secretName: tls }\n", "X-06", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, txtar.Parse([]byte("-- x.yaml --\n"+c.text)), "", lint.Options{Complete: c.complete})
			var got []string
			for _, f := range report.Findings {
				if slices.ContainsFunc(strings.Fields(c.rules), func(prefix string) bool { return strings.HasPrefix(f.Rule.ID, prefix) }) {
					got = append(got, fmt.Sprintf("%s %d", f.Rule.ID, f.Location.Line))
				}
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != c.want || len(report.Unread) > 0 {
				t.Errorf("got %q, want %q; unread %v\n%s", text, c.want, report.Unread, told(report, ""))
			}
		})
	}
}

// TestTogether: objects of one name in several directories, or of several
// namespaces, are not held against each other unless they are applied together.
func TestTogether(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 2\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: a, image: IMAGE, ports: [{ containerPort: 1 }] }] }\n"
	const service = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [{ port: 80 }] }\n"
	const scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: web }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, maxReplicas: 3 }\n"
	const budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: NAME }\nspec: { minAvailable: 2, selector: { matchLabels: { app: web } } }\n"
	files := "-- a/deployment.yaml --\n" + strings.Replace(deployment, "IMAGE", "a:1", 1) +
		"-- b/deployment.yaml --\n" + strings.Replace(strings.Replace(deployment, "IMAGE", "b:1", 1), "name: web }", "name: other }", 1) +
		"-- c/service.yaml --\n" + service + "-- d/hpa.yaml --\n" + scaler +
		"-- e/budget.yaml --\n" + strings.Replace(budget, "NAME", "one", 1) + "-- f/budget.yaml --\n" + strings.Replace(budget, "NAME", "two", 1)
	for _, f := range judge(t, txtar.Parse([]byte(files)), "", lint.Options{}).Findings {
		if strings.HasPrefix(f.Rule.ID, "X-") && f.Severity.String() != "low" || strings.HasPrefix(f.Rule.ID, "NET-3") {
			t.Errorf("unwanted: %s", describe(f))
		}
	}
	got := map[string]int{}
	for _, f := range judge(t, txtar.Parse([]byte(files)), "", lint.Options{Complete: true}).Findings {
		got[f.Rule.ID]++
	}
	if got["X-07"] != 1 || got["X-08"] != 1 || got["NET-3.a"] != 1 || got["X-09"] < 2 {
		t.Errorf("all of it is applied, and told is %v", got)
	}
}

const benchSet = `---
apiVersion: v1
kind: Service
metadata:
  name: web-%d
spec:
  selector: { app: web-%[1]d }
  ports: [{ name: http, port: 80, targetPort: 3000 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web-%[1]d
spec:
  podSelector: { matchLabels: { app: web-%[1]d } }
  policyTypes: [Ingress, Egress]
  ingress: [{ ports: [{ port: 3000 }] }]
  egress:
    - to: [{ podSelector: { matchLabels: { app: web-0 } } }]
    - to: [{ namespaceSelector: {} }]
      ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
`

// BenchmarkSet1000 is 1,000 Deployments, each with a Service and a NetworkPolicy.
func BenchmarkSet1000(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("deploy/%d/web-%d.yaml", i%20, i)] = fmt.Sprintf(benchDeployment, i) + fmt.Sprintf(benchSet, i)
	}
	bench(b, files)
}

// TestManyServicesOfManyPods is 4,000 Services each of which selects 4,000 pods:
// anything that looks at all of one for each of the other takes minutes.
func TestManyServicesOfManyPods(t *testing.T) {
	var b strings.Builder
	for i := range 4_000 {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1', ports: [{containerPort: 1}]}]}\n", i)
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d}\nspec: {selector: {app: web}, ports: [{port: 1}]}\n", i)
	}
	tree, err := source.Open(plant(t, &txtar.Archive{Files: []txtar.File{{Name: "x.yaml", Data: []byte(b.String())}}}, ""), source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err := lint.Run(t.Context(), Linters(), nil, tree, lint.Options{AsOf: today})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) < 4_000 {
		t.Errorf("%d findings", len(report.Findings))
	}
}
