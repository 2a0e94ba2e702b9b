package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
)

const service = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  selector: { app: web }\n  ports: [{ port: 80, targetPort: 3000 }]\n---\n"

// TestWhatIsRight holds cases that look like a problem, beside those that are one.
func TestWhatIsRight(t *testing.T) {
	const node = "-- Dockerfile --\nFROM node:24\nEXPOSE 3000\nUSER 1000\n"
	const app = "-- compose.yaml --\nservices:\n  web: { build: ., ports: [\"3000:3000\"] }\n"
	const ports = "          ports: [{ containerPort: 8080 }]\n          livenessProbe: { httpGet: { port: 8080 } }\n"
	for name, c := range map[string]struct{ files, want string }{
		//
		"EXPOSE and the rest":                              {node + "-- k.yaml --\n" + workload("web", "acme/web", ports), "Dockerfile:2 medium X-03\n"},
		"PORT moves it":                                    {node + "-- k.yaml --\n" + workload("web", "acme/web", ports, "          env: [{ name: PORT, value: \"8080\" }]\n"), ""},
		"an argument moves it":                             {node + "-- k.yaml --\n" + workload("web", "acme/web", ports, "          args: [--listen=:8080]\n"), ""},
		"a ConfigMap may move it":                          {node + "-- k.yaml --\n" + workload("web", "acme/web", ports, "          envFrom: [{ configMapRef: { name: c } }]\n"), ""},
		"quadlet-lsp#17, vercel#1207: a base that exposes": {"-- Dockerfile --\nFROM nginx:1.29\nEXPOSE 443\n-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 80 }]\n          livenessProbe: { httpGet: { port: 80 } }\n"), ""},
		"further ports":                                    {node + app + "-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }, { containerPort: 9090 }]\n") + service, ""},
		"a probe of its own port":                          {node + app + "-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n          livenessProbe: { httpGet: { port: 3001 } }\n") + service, "k.yaml:12 high X-03\n"},
		"a probe of a port that is set":                    {node + app + "-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n          livenessProbe: { httpGet: { port: 3001 } }\n          env: [{ name: HEALTH_PORT, value: \"3001\" }]\n") + service, "compose.yaml:2 low X-12\n"},
		"a Service of a sidecar":                           {node + app + "-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n        - { name: proxy, image: oauth2-proxy, ports: [{ containerPort: 4180 }] }\n") + strings.Replace(service, "targetPort: 3000", "targetPort: 4180", 1), ""},
		"an injected sidecar":                              {node + app + "-- k.yaml --\n" + strings.Replace(workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n"), "labels: { app: web }", "labels: { app: web }, annotations: { sidecar.istio.io/inject: \"true\" }", 1) + strings.Replace(service, "targetPort: 3000", "targetPort: 15000", 1), ""},
		"kompose: Services elsewhere":                      {node + app + "-- a/k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n") + "-- b/k.yaml --\n" + strings.Replace(service, "targetPort: 3000", "targetPort: 5000", 1), ""},
		"a health check in Compose":                        {node + "-- compose.yaml --\nservices:\n  web:\n    build: .\n    ports: [\"3000:3000\"]\n    healthcheck: { test: curl -f http://localhost:3001/health }\n-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n"), "compose.yaml:5 medium X-03\n"},
		"a range and a variable":                           {node + "-- compose.yaml --\nservices:\n  web: { build: ., ports: [\"8000-8002:8000-8002\", \"${PORT}:${PORT}\"] }\n-- k.yaml --\n" + workload("web", "acme/web", "          ports: [{ containerPort: 3000 }]\n"), ""},
		//
		"statsd_exporter#406":         {"-- Dockerfile --\nFROM quay.io/prometheus/busybox:latest\nUSER nobody\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), "Dockerfile:2 high X-01\n"},
		"opik-mcp#142, mended":        {"-- Dockerfile --\nFROM python:3.13\nUSER 1000\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), ""},
		"runAsUser of the pod":        {"-- Dockerfile --\nFROM alpine:3.22\nUSER nobody\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n      securityContext: { runAsUser: 1000 }\n"), ""},
		"the container takes it back": {"-- Dockerfile --\nFROM alpine:3.22\nUSER nobody\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: false }\n      securityContext: { runAsNonRoot: true }\n"), ""},
		"a builder's user":            {"-- Dockerfile --\nFROM alpine:3.22 AS build\nUSER nobody\nFROM gcr.io/distroless/static:nonroot\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), ""},
		"a user by argument":          {"-- Dockerfile --\nFROM alpine:3.22\nARG UID=1001\nUSER ${UID}:root\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), ""},
		"a user nobody knows":         {"-- Dockerfile --\nFROM alpine:3.22\nARG WHO\nUSER $WHO\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), ""},
		"no user at all":              {"-- Dockerfile --\nFROM node:24\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), "Dockerfile:1 high X-01\n"},
		"an image of somebody's":      {"-- k.yaml --\n" + workload("web", "quay.io/acme/web:1", "          securityContext: { runAsNonRoot: true }\n"), ""},
		"one cause, two pods":         {"-- Dockerfile --\nFROM alpine:3.22\nUSER app\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { runAsNonRoot: true }\n") + workload("jobs", "acme/web", "          securityContext: { runAsNonRoot: true }\n"), "Dockerfile:2 high X-01\n"},
		//
		"bitnami nginx#139: nginx as it comes":     {"-- k.yaml --\n" + workload("web", "nginx:1.29", "          securityContext: { readOnlyRootFilesystem: true }\n"), "k.yaml:11 medium X-10\n"},
		"nginx with mounts":                        {"-- k.yaml --\n" + workload("web", "nginx:1.29", "          securityContext: { readOnlyRootFilesystem: true }\n          volumeMounts: [{ name: a, mountPath: /var/cache/nginx }, { name: b, mountPath: /var/run }]\n"), ""},
		"nginx with a configuration":               {"-- k.yaml --\n" + workload("web", "nginx:1.29", "          securityContext: { readOnlyRootFilesystem: true }\n          volumeMounts: [{ name: a, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf }]\n"), ""},
		"nginx with a configuration of its own":    {"-- Dockerfile --\nFROM nginx:1.29\nCOPY nginx.conf /etc/nginx/nginx.conf\nUSER 101\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { readOnlyRootFilesystem: true }\n"), ""},
		"home-ops#13140: a volume without a mount": {"-- Dockerfile --\nFROM alpine:3.22\nVOLUME [\"/data\"]\nUSER 1\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { readOnlyRootFilesystem: true }\n"), "k.yaml:11 medium X-10\n"},
		"a mount above a volume":                   {"-- Dockerfile --\nFROM alpine:3.22\nVOLUME /srv/data\nUSER 1\n-- k.yaml --\n" + workload("web", "acme/web", "          securityContext: { readOnlyRootFilesystem: true }\n          volumeMounts: [{ name: a, mountPath: /srv }]\n"), ""},
		"a volume in Compose":                      {"-- Dockerfile --\nFROM alpine:3.22\nVOLUME /data\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., read_only: true }\n", ""},
		//
		"a heap that fits":                   {"-- Dockerfile --\nFROM node:24\nENV NODE_OPTIONS=\"--max-old-space-size=192\"\n-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 256Mi } }\n"), ""},
		"a heap that the pod overrides":      {"-- Dockerfile --\nFROM node:24\nENV NODE_OPTIONS=--max-old-space-size=4096\n-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 256Mi } }\n          env: [{ name: NODE_OPTIONS, value: --max-old-space-size=192 }]\n"), ""},
		"a heap that something may override": {"-- Dockerfile --\nFROM node:24\nENV NODE_OPTIONS=--max-old-space-size=4096\n-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 256Mi } }\n          envFrom: [{ secretRef: { name: s } }]\n"), ""},
		"the last Xmx counts":                {"-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 2Gi } }\n          env: [{ name: JAVA_TOOL_OPTIONS, value: -Xmx4g -Xmx1g }]\n"), ""},
		"a part of the memory":               {"-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 2Gi } }\n          env: [{ name: JAVA_OPTS, value: \"-XX:MaxRAMPercentage=95.0\" }]\n"), "k.yaml:12 medium X-15\n"},
		"a soft limit":                       {"-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 2Gi } }\n          env: [{ name: GOMEMLIMIT, value: 2GiB }]\n"), ""},
		"decimal and binary":                 {"-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 1G } }\n          command: [java, -Xmx1g]\n"), "k.yaml:12 high X-15\n"},
		"a heap in Compose":                  {"-- Dockerfile --\nFROM eclipse-temurin:21\nENV JAVA_TOOL_OPTIONS=-Xmx512m\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., mem_limit: 256m }\n", "Dockerfile:2 high X-15\n"},
		//
		"an init container fills it": {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nUSER 1\nCMD [\"node\", \"server.js\"]\n-- k.yaml --\n" + workload("web", "acme/web", "          volumeMounts: [{ name: a, mountPath: /app }]\n      initContainers: [{ name: i, image: x, volumeMounts: [{ name: a, mountPath: /out }] }]\n      volumes: [{ name: a, emptyDir: {} }]\n"), ""},
		"a claim may hold it":        {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nUSER 1\nCMD [\"node\", \"server.js\"]\n-- k.yaml --\n" + workload("web", "acme/web", "          volumeMounts: [{ name: a, mountPath: /app }]\n      volumes: [{ name: a, persistentVolumeClaim: { claimName: c } }]\n"), ""},
		"a ConfigMap that has it":    {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nUSER 1\nCMD [\"node\", \"server.js\"]\n-- k.yaml --\n" + workload("web", "acme/web", "          volumeMounts: [{ name: a, mountPath: /app }]\n      volumes: [{ name: a, configMap: { name: c } }]\n") + "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { server.js: x }\n", ""},
		"a ConfigMap that has not":   {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nUSER 1\nCMD [\"node\", \"server.js\"]\n-- k.yaml --\n" + workload("web", "acme/web", "          volumeMounts: [{ name: a, mountPath: /app }]\n      volumes: [{ name: a, configMap: { name: c } }]\n") + "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { x.json: x }\n", "k.yaml:11 high X-20\n"},
		"modules have a volume":      {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nRUN npm ci\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., volumes: [\".:/app\", /app/node_modules] }\n", ""},
		"modules are installed":      {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nRUN npm ci\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., command: sh -c 'npm install && npm start', volumes: [\".:/app\"] }\n", ""},
		"modules lie elsewhere":      {"-- Dockerfile --\nFROM node:24\nWORKDIR /deps\nRUN npm ci\nWORKDIR /app\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., volumes: [\".:/app\"] }\n", ""},
		"global modules":             {"-- Dockerfile --\nFROM node:24\nWORKDIR /app\nRUN npm install -g serve\nUSER 1\n-- compose.yaml --\nservices:\n  web: { build: ., volumes: [\".:/app\"] }\n", ""},
		//
		"units":                   {node + "-- compose.yaml --\nservices:\n  web: { build: ., mem_limit: 256M, cpus: \"0.5\" }\n-- k.yaml --\n" + workload("web", "acme/web", "          resources: { limits: { memory: 256Mi, cpu: 500m } }\n"), ""},
		"values differ by nature": {node + "-- compose.yaml --\nservices:\n  web: { build: ., environment: { DB_HOST: db } }\n-- k.yaml --\n" + workload("web", "acme/web", "          env: [{ name: DB_HOST, value: postgres.shop }]\n"), ""},
		"keys of a ConfigMap":     {node + "-- compose.yaml --\nservices:\n  web: { build: ., environment: { DB_HOST: db } }\n-- k.yaml --\n" + workload("web", "acme/web", "          envFrom: [{ configMapRef: { name: c } }]\n") + "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { DB_HOST: x }\n", ""},
		"another major version":   {"-- compose.yaml --\nservices:\n  db: { image: \"postgres:15-alpine\" }\n-- k.yaml --\n" + workload("db", "postgres:16.2"), "compose.yaml:2 medium X-12\n"},
		"another minor version":   {"-- compose.yaml --\nservices:\n  db: { image: \"postgres:16\" }\n-- k.yaml --\n" + workload("db", "postgres:16.2-alpine"), ""},
		// PRB-3, RES-4, X-19
		"a probe of TCP":         {"-- Dockerfile --\nFROM alpine:3.22\nHEALTHCHECK --timeout=5s CMD /x\nUSER 1\n-- k.yaml --\n" + workload("web", "acme/web", "          livenessProbe: { tcpSocket: { port: 1 } }\n"), ""},
		"a timeout that is set":  {"-- Dockerfile --\nFROM alpine:3.22\nHEALTHCHECK --timeout=5s CMD /x\nUSER 1\n-- k.yaml --\n" + workload("web", "acme/web", "          livenessProbe: { httpGet: { port: 1 }, timeoutSeconds: 1 }\n"), ""},
		"the builder's platform": {"-- Dockerfile --\nFROM --platform=$BUILDPLATFORM alpine:3.22\nUSER 1\n-- k.yaml --\n" + workload("web", "acme/web", "      nodeSelector: { kubernetes.io/arch: arm64 }\n"), ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			if diff := cmp.Diff(c.want, ours(report(t, c.files, lint.Options{}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// BenchmarkAcross is a thousand Deployments with Services, a hundred Dockerfiles and
// services of Compose that they are bound to.
func BenchmarkAcross(b *testing.B) {
	var files, compose strings.Builder
	compose.WriteString("-- compose.yaml --\nservices:\n")
	for i := range 100 {
		fmt.Fprintf(&files, "-- s%d/Dockerfile --\nFROM node:24\nEXPOSE 3000\nUSER node\nCMD [\"node\", \"x.js\"]\n", i)
		fmt.Fprintf(&compose, "  s%d: { build: ./s%d, image: acme/s%d, ports: [\"3000\"], depends_on: [s0] }\n", i, i, i)
	}
	files.WriteString(compose.String())
	for i := range 1000 {
		name := fmt.Sprintf("w%d", i)
		fmt.Fprintf(&files, "-- k/%s.yaml --\n%s%s", name, workload(name, fmt.Sprintf("acme/s%d:1", i%100), "          ports: [{ containerPort: 3000 }]\n          livenessProbe: { httpGet: { port: 3000 } }\n          resources: { limits: { memory: 256Mi } }\n"), strings.ReplaceAll(service, "web", name))
	}
	across := stack.Across()
	looked := look(b, files.String(), lint.Options{}, across)
	b.ResetTimer()
	for b.Loop() {
		if err := looked.Across(b.Context(), []lint.Across{across}); err != nil {
			b.Fatal(err)
		}
	}
}
