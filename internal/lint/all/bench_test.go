package all

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

const benchDockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -o /app .
FROM alpine:latest
ENV LANG=C.UTF-8 PORT=3000
COPY --from=build /app /app
CMD /app --port $PORT
`

const benchDeployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-%d
spec:
  replicas: 3
  selector:
    matchLabels: { app: web-%[1]d }
  template:
    metadata:
      labels: { app: web-%[1]d }
    spec:
      containers:
        - name: app
          image: registry.example.com:5000/app:latest
          ports: [{ containerPort: 3000 }]
          resources:
            requests: { cpu: 250m, memory: 128Mi }
            limits: { memory: 256Mi }
          livenessProbe:
            httpGet: { path: /health, port: 3000 }
          env:
            - { name: DB_PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }
`

func bench(b *testing.B, files map[string]string) {
	b.Helper()
	dir := b.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	linters := Linters()
	b.ReportAllocs()
	for b.Loop() {
		tree, err := source.Open(dir, source.Options{})
		if err != nil {
			b.Fatal(err)
		}
		report, err := lint.Run(b.Context(), linters, Across(), tree, lint.Options{AsOf: today})
		if err != nil || len(report.Findings) == 0 || len(report.Unread) > 0 {
			b.Fatal(err, len(report.Findings), report.Unread)
		}
		if err := tree.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDockerfile(b *testing.B) { bench(b, map[string]string{"Dockerfile": benchDockerfile}) }

func BenchmarkManifest(b *testing.B) {
	bench(b, map[string]string{"web.yaml": fmt.Sprintf(benchDeployment, 1)})
}

func BenchmarkTree1000(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("deploy/%d/web-%d.yaml", i%20, i)] = fmt.Sprintf(benchDeployment, i)
	}
	bench(b, files)
}

// BenchmarkLargeManifest is one file just below the limit of 10 MiB.
func BenchmarkLargeManifest(b *testing.B) {
	var text []byte
	for i := 0; len(text) < 10_000_000; i++ {
		text = fmt.Appendf(append(text, "---\n"...), benchDeployment, i)
	}
	bench(b, map[string]string{"large.yaml": string(text)})
}
