package all

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// foundingManifest is foundingObjects in a file.
const foundingManifest = "-- k8s.yaml --\n" + foundingObjects

// foundingObjects are the Deployment and the Service of the founding document,
// re-indented; line 1 is line 56 of the document.
const foundingObjects = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-deployment
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: app
        image: registry.example.com/app:latest
        ports:
        - containerPort: 3000
        envFrom:
        - configMapRef:
            name: app-config
        - secretRef:
            name: app-secrets
        resources:
          requests: { cpu: "250m", memory: "128Mi" }
          limits: { cpu: "500m", memory: "256Mi" }
        livenessProbe:
          httpGet: { path: /health, port: 3000 }
          initialDelaySeconds: 10
          periodSeconds: 15
        readinessProbe:
          httpGet: { path: /ready, port: 3000 }
          initialDelaySeconds: 5
          periodSeconds: 10
---
apiVersion: v1
kind: Service
metadata:
  name: app-service
spec:
  selector:
    app: web
  ports:
  - port: 80
    targetPort: 3000
  type: ClusterIP
`

// TestFoundingManifest holds the rows of the research on the founding document's
// manifests, one per rule and place, and nothing else: its "pass" rows are silent.
// Rows that need the Dockerfile or the Compose file are not here.
func TestFoundingManifest(t *testing.T) {
	want := []string{
		// One workload.
		"3 low OBS-3.c", "39 low OBS-3.c", // no namespace
		"4 medium OBS-3.a", "40 medium OBS-3.a", // no common labels
		"14 high USR-2.a",   // may be root
		"14 medium SEC-4.k", // a token that nothing uses
		"14 medium SEC-4.l", // a private registry without credentials
		"16 medium USR-3.a", // not hardened
		"16 medium USR-4.a", // a root filesystem that it can write to
		"16 low OBS-2.a",    // no last words
		"17 high IMG-4.a",   // latest
		"19 low NET-3.k",    // a port without a name
		"25 low RES-2.c",    // no bound for its disk
		// Across objects.
		"4 low OBS-4.c",     // nothing says who applies it, or which revision it is
		"4 medium NET-1.a",  // no policy
		"6 medium RES-3.a",  // three pods that may go at once
		"20 low X-14.c",     // keys of several sources
		"24 medium SEC-3.a", // all of a Secret
		"40 medium OBS-3.e", // three names for one thing
		"14 medium X-17",    // a rollout may drop requests
		"45 low OBS-1.a",    // nobody finds its metrics, and the Service's port has no name
	}
	check(t, foundingManifest, lint.Options{Profile: lint.ProfileDocument}, want)
	// What is named and is nowhere is missing where the manifests are all there is.
	closed := slices.Concat(want, []string{"22 high X-06", "24 high X-06"})
	check(t, foundingManifest, lint.Options{Profile: lint.ProfileDocument, Complete: true}, closed)
	// Its list of deliverables has an autoscaler, which would work against "replicas".
	const scaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: app }\nspec: { scaleTargetRef: { kind: Deployment, name: app-deployment }, minReplicas: 2, maxReplicas: 5 }\n"
	check(t, foundingManifest+scaler, lint.Options{Profile: lint.ProfileDocument}, append(want, "6 medium X-08"))
}

// TestFoundingManifestByDefault is what people get who did not ask for the
// document's own demands.
func TestFoundingManifestByDefault(t *testing.T) {
	check(t, foundingManifest, lint.Options{}, []string{
		// One workload.
		"14 high USR-2.a", "14 medium SEC-4.k", "16 medium USR-3.a", "16 medium USR-4.a", "17 high IMG-4.a",
		// Across objects.
		"4 medium NET-1.a", "6 medium RES-3.a", "24 medium SEC-3.a", "40 low OBS-3.e", "14 low X-17",
	})
}

// TestPeersGetWorkloadsWrong holds defects of peers on one workload, by the report
// of them. Each line of want is "rule line"; good ones want nothing. Only the rules
// that are named, or those of one prefix, are looked at.
func TestPeersGetWorkloadsWrong(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  template:\n    spec:\n"
	container := func(rest string) string {
		return "      containers:\n        - { name: a, image: a:1, " + rest + " }\n"
	}
	for name, c := range map[string]struct{ text, rules, want string }{
		// B4, trivy#1187, #8210: what the pod says counts for its containers, unless they say otherwise.
		"trivy#8210":           {head + "      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }\n" + container("securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }"), "USR-2 USR-3", ""},
		"trivy KSV-0012":       {head + "      securityContext: { runAsNonRoot: true }\n" + container("securityContext: { runAsNonRoot: false }"), "USR-2", "USR-2.a 9"},
		"a user overrides":     {head + "      securityContext: { runAsUser: 1000 }\n" + container("securityContext: { runAsUser: 0 }"), "USR-2", "USR-2.a 9"},
		"trivy#4922":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { spec: x }\n", "USR", ""},
		"trivy#9329, KSV-0118": {head + container("resources: {}"), "USR-3", "USR-3.a 8"},
		// kube-score#204, checkov#713, datree#896: a number below 10000 is a user like any other.
		"kube-score#204": {head + "      securityContext: { runAsUser: 1001, runAsGroup: 3000 }\n" + container("ports: []"), "USR-2", ""},
		// checkov ignores init containers, and the old ones that run beside the others.
		"CKV_K8S_23": {head + "      securityContext: { runAsUser: 1001 }\n      initContainers:\n        - { name: i, image: a:1, securityContext: { runAsUser: 0 } }\n" + container("ports: []"), "USR-2", "USR-2.a 9"},
		"windows":    {head + "      os: { name: windows }\n" + container("ports: []"), "USR", ""},
		// B8, B9: the port of a registry is no tag.
		"kube-score image tag": {head + "      containers:\n        - { name: a, image: \"registry:5000/app\" }\n        - { name: b, image: \"registry:5000/app:1\" }\n        - { name: c, image: \"registry:5000/app" + digest + "\" }\n", "IMG-4", "IMG-4.a 8, IMG-4.k 9"},
		"checkov#535":          {head + "      containers:\n        - { name: a, image: \"app:latest" + digest + "\", imagePullPolicy: IfNotPresent }\n", "IMG-4", ""},
		// B12: each container answers for itself, and two named ports are not equal.
		"kube-score named ports": {head + container("ports: [{ name: a, containerPort: 1 }, { name: b, containerPort: 2 }], readinessProbe: { tcpSocket: { port: a } }, livenessProbe: { tcpSocket: { port: b } }"), "PRB", ""},
		// kube-score#339, #285, #296, #41: the same endpoint twice is documented practice.
		"kube-score#339":        {head + container("readinessProbe: { httpGet: { path: /, port: 1 } }, livenessProbe: { httpGet: { path: /, port: 1 }, failureThreshold: 10 }"), "PRB", ""},
		"kube-score#339, equal": {head + container("readinessProbe: { httpGet: { path: /, port: 1 } }, livenessProbe: { httpGet: { path: /, port: 1 } }"), "PRB", "PRB-3.a 8"},
		// kube-linter#261, checkov#4807: no probes for what runs to its end.
		"kube-linter#261": {"apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: j }\nspec: { jobTemplate: { spec: { template: { spec: { initContainers: [{ name: i, image: a:1 }], containers: [{ name: a, image: a:1 }] } } } } }\n", "PRB", ""},
		// B13: what containers declare is only information; a name is looked up.
		"kube-linter liveness-port":       {head + container("readinessProbe: { httpGet: { path: /, port: 8081 } }, livenessProbe: { tcpSocket: { port: 8082 } }"), "PRB", ""},
		"kube-linter liveness-port, name": {head + container("readinessProbe: { httpGet: { path: /, port: 8081 } }, livenessProbe: { tcpSocket: { port: http } }"), "PRB", "PRB-2.a 8"},
		"kube-linter and the host":        {head + container("readinessProbe: { httpGet: { host: localhost, path: /, port: 1 } }, livenessProbe: { httpGet: { path: /l, port: 1 } }"), "PRB", "PRB-2.b 8"},
		// trivy#3634, defsec#1133: a key's name is not enough.
		"trivy#3634":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { SECRET_NAME: db, password_file: /run/p, TOKEN_TTL: \"60\", PASSWORD_MIN_LENGTH: \"12\", secretName: db, x.sh: \"read PASSWORD\\n\" }\n", "SEC-2", ""},
		"defsec#1133": {"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { DB_PASSWORD: correcthorsebattery }\n", "SEC-2", "SEC-2.b 4"},
		// kubescape#1647: what the pod says counts before what its ServiceAccount says.
		"kubescape#1647": {"apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: default }\nautomountServiceAccountToken: false\n---\n" + head + "      automountServiceAccountToken: true\n" + container("ports: []"), "SEC-4", "SEC-4.k 12"},
		// checkov#7226, kube-score#30, regolibrary#391: no limit for CPU is asked for.
		"checkov#7226": {head + container("resources: { requests: { cpu: 1m, memory: 9Mi }, limits: { memory: 9Mi } }"), "RES", ""},
		// Units: what Compose and the VerticalPodAutoscaler write.
		"the same in other words": {head + container("resources: { requests: { cpu: \"0.5\", memory: 134217728000m }, limits: { cpu: 500m, memory: 0.5Gi } }"), "RES", ""},
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, txtar.Parse([]byte("-- x.yaml --\n"+c.text)), "", lint.Options{})
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

// TestHostileWorkloads are pods of megabytes, on which everything that is quadratic
// takes long.
func TestHostileWorkloads(t *testing.T) {
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", strconv.Itoa(i)))
		}
		return b.String()
	}
	const head = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n"
	for name, text := range map[string]string{
		"containers": head + "  containers:\n" + repeat(4_000, "    - { name: c#, image: r#.io/a, env: [{ name: PORT, value: \"#\" }], ports: [{ containerPort: # }], livenessProbe: { httpGet: { port: 9 } } }\n"),
		"volumes": head + "  volumes:\n" + repeat(5_000, "    - { name: v, hostPath: { path: /etc } }\n") +
			"  containers:\n    - name: a\n      image: a\n      volumeMounts:\n" + repeat(5_000, "        - { name: v, mountPath: /var/log, readOnly: true }\n"),
		"variables": head + "  containers:\n    - name: a\n      image: a\n      env:\n" + repeat(5_000, "        - { name: V#, value: \"$(V#)$(V4999)\" }\n"),
		"settings":  "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata:\n" + repeat(4_000, "  k#.env: |\n    PASSWORD=hunter2hunter2\n    x\n"),
		"lines":     "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata:\n  k.env: |\n" + repeat(20_000, "    PASSWORD=hunter2hunter2\n"),
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, &txtar.Archive{Files: []txtar.File{{Name: "x.yaml", Data: []byte(text)}}}, "", lint.Options{Profile: lint.ProfileDocument})
			if len(report.Findings) == 0 || len(report.Unread) > 0 {
				t.Errorf("%d findings, unread %v", len(report.Findings), report.Unread)
			}
		})
	}
}
