package all

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
)

// foundingStack is the founding document's Compose file and manifests with the
// indentation that they lost, beside its Dockerfile.
const foundingStack = foundingDockerfile + `-- docker-compose.yml --
version: "3.8"
services:
  app:
    build: .
    ports: ["3000:3000"]
    environment:
      - NODE_ENV=development
      - DB_HOST=postgres
    depends_on:
      postgres:
        condition: service_healthy
    deploy:
      resources:
        limits: { cpus: "0.5", memory: 256M }
        reservations: { cpus: "0.25", memory: 128M }
  postgres:
    image: postgres:15-alpine
    environment:
      POSTGRES_DB: appdb
      POSTGRES_USER: appuser
      POSTGRES_PASSWORD: changeme_in_prod
    healthcheck:
      test: ["CMD-SHELL", "pg_isready -U appuser"]
      interval: 10s
      timeout: 5s
      retries: 5
    volumes:
      - pgdata:/var/lib/postgresql/data
volumes:
  pgdata:
-- k8s-deployment.yaml --
` + foundingObjects

// TestFoundingStack holds the rows of the research on the founding document that no
// single file decides, and nothing else. Line 1 of the Dockerfile is line 5 of the
// document, that of the Compose file line 25, that of the manifests line 56. Silent
// are the rows marked pass: 256M is 256Mi and 0.5 is 500m (38, 81), and port 3000 is
// the same wherever it stands (83).
func TestFoundingStack(t *testing.T) {
	acrossOnly(t, foundingStack, lint.Options{Profile: lint.ProfileDocument}, []string{
		"Dockerfile:17 low X-12.e",              // 21: start period and initial delay
		"Dockerfile:19 low X-15",                // 23: no bound for the heap
		"docker-compose.yml:4 medium X-12.b",    // 28: development builds what ships
		"docker-compose.yml:7 low X-12",         // 31: NODE_ENV here only
		"docker-compose.yml:8 medium X-14",      // 32: a host and no login
		"docker-compose.yml:16 medium X-12.c",   // 40: a database in Compose only
		"k8s-deployment.yaml:14 medium X-17",    // 69: no drain
		"k8s-deployment.yaml:28 medium PRB-3.s", // 83: one second where three are allowed
		"k8s-deployment.yaml:33 low X-12.d",     // 88: /ready is asked by Kubernetes only
	})
}

// TestFoundingStackHardened is the sample with the hardening that the document asks
// for: the name of its user is then what keeps its pods from starting.
func TestFoundingStackHardened(t *testing.T) {
	hardened := strings.Replace(foundingStack, "    spec:\n      containers:", "    spec:\n      securityContext: { runAsNonRoot: true }\n      containers:", 1)
	report := judge(t, txtar.Parse([]byte(hardened)), "", lint.Options{Profile: lint.ProfileDocument})
	if got := places(report, "X-01"); !slices.Equal(got, []string{"Dockerfile:15 high X-01"}) {
		t.Errorf("got %v", got)
	}
	for _, f := range report.Findings {
		if f.Rule.ID == "X-01" && (len(f.Related) != 1 || f.Related[0].Path != "k8s-deployment.yaml" || f.Related[0].Line != 15) {
			t.Errorf("the demand is not beside it: %+v", f.Related)
		}
	}
}

// TestFoundingStackByDefault is what people get who did not ask for the document's
// own demands.
func TestFoundingStackByDefault(t *testing.T) {
	acrossOnly(t, foundingStack, lint.Options{}, []string{
		"docker-compose.yml:4 medium X-12.b", "docker-compose.yml:7 low X-12", "docker-compose.yml:8 medium X-14", "docker-compose.yml:16 low X-12.c",
		"k8s-deployment.yaml:14 low X-17", "k8s-deployment.yaml:28 medium PRB-3.s",
	})
}

// acrossOnly compares what the checks across artefacts say.
func acrossOnly(t *testing.T, files string, opts lint.Options, want []string) {
	t.Helper()
	var ids []string
	for _, r := range stack.Across().Rules {
		ids = append(ids, r.ID)
	}
	got := places(judge(t, txtar.Parse([]byte(files)), "", opts), ids...)
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("unwanted: %s", row)
		}
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("missing: %s", row)
		}
	}
}

// places are the findings of some rules, as "path:line severity rule".
func places(report lint.Report, ids ...string) []string {
	var all []string
	for _, f := range report.Findings {
		if slices.Contains(ids, f.Rule.ID) {
			all = append(all, fmt.Sprintf("%s:%d %s %s", f.Location.Path, f.Location.Line, f.Severity, f.Rule.ID))
		}
	}
	return all
}
