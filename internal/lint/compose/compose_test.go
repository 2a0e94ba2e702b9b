package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

const digest = "@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"

// lintFiles lints the files of an archive.
func lintFiles(t testing.TB, files string, asked source.Options, profile string) lint.Report {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := source.Open(dir, asked)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err := lint.Run(t.Context(), []lint.Linter{Linter()}, nil, tree, lint.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// places renders findings as "path:line severity rule", those of some rules only
// when any are named.
func places(findings []finding.Finding, rules ...string) string {
	var b strings.Builder
	for _, f := range findings {
		if len(rules) == 0 || strings.Contains(strings.Join(rules, " ")+" ", f.Rule.ID+" ") {
			fmt.Fprintf(&b, "%s:%d %s %s\n", f.Location.Path, f.Location.Line, f.Severity, f.Rule.ID)
		}
	}
	return b.String()
}

// founding is the founding document's Compose file with the indentation that it
// lost, beside its Dockerfile.
const founding = `-- Dockerfile --
FROM node:18-alpine AS runtime
USER appuser
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \
  CMD wget -qO- http://localhost:3000/health || exit 1
CMD ["node", "dist/server.js"]
-- docker-compose.yml --
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
`

// TestFoundingSample holds the rows on the founding document's Compose file that
// it decides alone. Its line n stands in the document's line n+24.
func TestFoundingSample(t *testing.T) {
	report := lintFiles(t, founding, source.Options{}, lint.ProfileDocument)
	if len(report.Unread) > 0 {
		t.Error(report.Unread)
	}
	want := strings.Join([]string{
		"docker-compose.yml:1 medium COR-31",   // the obsolete version
		"docker-compose.yml:2 low COR-32",      // no name
		"docker-compose.yml:2 low NET-4.c",     // one network
		"docker-compose.yml:3 low PRB-4.n",     // no init
		"docker-compose.yml:3 low RES-4.a",     // no restart, no pids limit, logs
		"docker-compose.yml:3 medium USR-3.n",  // no cap_drop, no no-new-privileges
		"docker-compose.yml:3 medium USR-4.m",  // no read_only: the same row
		"docker-compose.yml:5 medium NET-4.a",  // published on all interfaces
		"docker-compose.yml:16 medium RES-4.a", // no limits, no restart
		"docker-compose.yml:17 medium IMG-3.n", // floats
		"docker-compose.yml:18 low COR-33",     // a mapping here, a list there
		"docker-compose.yml:20 medium USR-3.o", // a superuser
		"docker-compose.yml:21 high SEC-2.m",   // the password
		"docker-compose.yml:22 low PRB-3.m",    // no start_period
		"docker-compose.yml:23 medium PRB-2.n", // pg_isready without -d
	}, "\n") + "\n"
	if diff := cmp.Diff(want, sorted(places(report.Findings))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, f := range report.Findings {
		if strings.Contains(f.Message+f.Excerpt+f.SourceLine, "changeme") {
			t.Errorf("%s shows the password", f.Rule.ID)
		}
	}
	if report.Linted.ComposeFiles != 1 || report.Linted.Services != 2 {
		t.Errorf("counted %+v", report.Linted)
	}
}

// sorted orders the lines by number, then rule.
func sorted(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	key := func(line string) string {
		var n int
		var severity, rule string
		path, rest, _ := strings.Cut(line, ":")
		_, _ = fmt.Sscanf(rest, "%d %s %s", &n, &severity, &rule)
		return fmt.Sprintf("%s:%05d %s", path, n, rule)
	}
	for i := range lines {
		for j := i; j > 0 && key(lines[j]) < key(lines[j-1]); j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestFoundingSampleByDefault(t *testing.T) {
	report := lintFiles(t, founding, source.Options{}, "")
	if got := sorted(places(report.Findings, "SEC-2.m", "NET-4.a", "USR-3.o")); got != "docker-compose.yml:20 low USR-3.o\ndocker-compose.yml:21 medium SEC-2.m\n" {
		t.Error(got)
	}
}

// TestFoundingSampleRaw: as the document has it, the file is no Compose file.
func TestFoundingSampleRaw(t *testing.T) {
	var raw strings.Builder
	_, file, _ := strings.Cut(founding, "-- docker-compose.yml --\n")
	raw.WriteString("-- docker-compose.yml --\n")
	for line := range strings.Lines(file) {
		raw.WriteString(strings.TrimLeft(line, " "))
	}
	report := lintFiles(t, raw.String(), source.Options{}, "")
	if len(report.Findings) > 0 || len(report.Unread) != 1 {
		t.Fatalf("found %v, unread %v", report.Findings, report.Unread)
	}
	if u := report.Unread[0]; u.Location.Line == 0 || !strings.Contains(u.Cause, "is the indentation lost?") {
		t.Errorf("unread %+v", u)
	}
}

// TestFilesTogether: which files are one project, and where findings are told.
func TestFilesTogether(t *testing.T) {
	const parts = `-- compose.yaml --
name: shop
services:
  web:
    image: a:1` + digest + `
    user: root
    environment: { TOKEN: correct-horse }
-- compose.override.yaml --
services:
  web:
    user: "10001"
    environment: [TOKEN=]
-- compose.prod.yaml --
services:
  web:
    user: "0"
    restart: always
  extra:
    image: b
`
	rules := []string{"USR-2.m", "SEC-2.m", "IMG-3.m", "RES-4.a", "COR-32"}
	for name, c := range map[string]struct {
		files  string
		asked  source.Options
		want   string
		unread int
	}{
		"the override counts; other parts say only what they say": {
			parts,
			source.Options{},
			"compose.prod.yaml:3 high USR-2.m\ncompose.prod.yaml:5 medium RES-4.a\ncompose.prod.yaml:6 high IMG-3.m\ncompose.yaml:3 medium RES-4.a\n", 0,
		},
		"named together they are one": {
			parts,
			source.Options{ComposeFiles: []string{"compose.yaml:compose.prod.yaml"}},
			"compose.prod.yaml:3 high USR-2.m\ncompose.prod.yaml:5 medium RES-4.a\ncompose.prod.yaml:6 high IMG-3.m\ncompose.yaml:3 medium RES-4.a\ncompose.yaml:6 medium SEC-2.m\n", 0,
		},
		"COMPOSE_FILE names them too": {
			parts + "-- .env --\nCOMPOSE_FILE=compose.yaml:compose.prod.yaml\n",
			source.Options{},
			"compose.prod.yaml:3 high USR-2.m\ncompose.prod.yaml:5 medium RES-4.a\ncompose.prod.yaml:6 high IMG-3.m\ncompose.yaml:3 medium RES-4.a\ncompose.yaml:6 medium SEC-2.m\n", 0,
		},
		"an anchor is one cause": {
			"-- compose.yaml --\nname: shop\nx-env: &env\n  DB_PASSWORD: correct-horse\nservices:\n  a: { image: \"${A}\", environment: *env }\n  b: { image: \"${A}\", environment: { <<: *env } }\n",
			source.Options{},
			"compose.yaml:3 medium SEC-2.m\ncompose.yaml:5 medium RES-4.a\ncompose.yaml:6 medium RES-4.a\n", 0,
		},
		"what is extended is told where it stands": {
			"-- compose.yaml --\nname: shop\nservices:\n  a:\n    extends: { file: lib/base.yml, service: base }\n-- lib/base.yml --\nservices:\n  base:\n    image: b\n    mem_limit: 5G\n",
			source.Options{},
			"compose.yaml:3 low RES-4.a\nlib/base.yml:3 high IMG-3.m\n", 0,
		},
		"what is included is told once": {
			"-- compose.yaml --\nname: shop\ninclude: [db/compose.yaml]\nservices: {}\n-- db/compose.yaml --\nname: db\nservices:\n  db: { image: \"b:latest\" }\n",
			source.Options{},
			"db/compose.yaml:3 high IMG-3.m\ndb/compose.yaml:3 medium RES-4.a\n", 0,
		},
		"what cannot be followed is said, and nothing is missed": {
			"-- compose.yaml --\nname: shop\ninclude: [gone.yaml]\nservices:\n  a: { image: \"${A}\", depends_on: [b], extends: { file: away.yaml, service: x } }\n",
			source.Options{},
			"", 2,
		},
		"a circle": {
			"-- compose.yaml --\nname: shop\ninclude: [compose.yaml]\nservices:\n  a: { extends: b }\n  b: { extends: a }\n",
			source.Options{},
			"", -1,
		},
		"reset and override": {
			"-- compose.yaml --\nname: shop\nservices:\n  a: { image: \"${A}\", user: root, mem_limit: 1G, cpus: 1, pids_limit: 1, restart: always, logging: { driver: local } }\n-- compose.override.yaml --\nservices:\n  a:\n    user: !reset null\n    logging: !override { driver: none }\n",
			source.Options{},
			"", 0,
		},
		"variables": {
			"-- compose.yaml --\nname: shop\nservices:\n  a: { image: \"a:${TAG}\", user: \"${WHO:-0}\" }\n  b: { image: \"b:$$x${\" }\n-- .env --\nTAG=latest\n",
			source.Options{},
			"compose.yaml:3 medium IMG-3.m\ncompose.yaml:3 medium RES-4.a\ncompose.yaml:3 high USR-2.m\ncompose.yaml:4 medium RES-4.a\n", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			report := lintFiles(t, c.files, c.asked, "")
			if diff := cmp.Diff(c.want, sortedOrEmpty(places(report.Findings, rules...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(report.Unread) != c.unread && c.unread >= 0 || c.unread < 0 && len(report.Unread) == 0 {
				t.Errorf("unread %v", report.Unread)
			}
		})
	}
}

func sortedOrEmpty(text string) string {
	if text == "" {
		return ""
	}
	return sorted(text)
}

func TestNotCompose(t *testing.T) {
	report := lintFiles(t, `-- a/docker-compose.yml --
web:
  image: nginx
-- b/compose.yaml --
apiVersion: v1
kind: ConfigMap
-- c/compose.yaml --
services:
  a: { image: a }
---
services:
  b: { image: b }
-- d/compose.yaml --
- web
-- e/compose.yaml --
`, source.Options{}, "")
	if len(report.Findings) > 0 || len(report.Notes) != 1 || len(report.Unread) != 2 || report.Unjudged != 2 {
		t.Errorf("findings %v, notes %v, unread %v, unjudged %d", places(report.Findings), report.Notes, report.Unread, report.Unjudged)
	}
}

// TestSecretsAreNeverShown plants a word and looks for it in all that is told.
func TestSecretsAreNeverShown(t *testing.T) {
	report := lintFiles(t, `-- compose.yaml --
x-pw: &pw hunter2hunter2
services:
  a:
    image: redis
    command: ["redis-server", "--requirepass", "hunter2hunter2"]
    environment: [ "DB_PASSWORD=hunter2hunter2", "URL=postgres://u:hunter2hunter2@db/x" ]
    env_file: a.env
  b:
    image: redis
    command: redis-server --requirepass hunter2hunter2 --x
    environment: { DB_PASSWORD: *pw, TOKEN: "${TOKEN:-hunter2hunter2}" }
-- a.env --
DB_PASSWORD="hunter2hunter2"
`, source.Options{}, lint.ProfileStrict)
	if got := places(report.Findings, "SEC-2.m", "SEC-2.n"); strings.Count(got, "\n") != 7 {
		t.Errorf("found\n%s", got)
	}
	for _, f := range report.Findings {
		if text := f.Message + f.Excerpt + f.SourceLine; strings.Contains(text, "hunter") {
			t.Errorf("%s at line %d shows it: %q", f.Rule.ID, f.Location.Line, text)
		}
	}
}

func TestSuppressions(t *testing.T) {
	report := lintFiles(t, `-- compose.yaml --
name: shop
services:
  # plimsoll:ignore RES-4.a,IMG-3.m -- a toy
  a:
    image: a
    user: root # plimsoll:ignore USR-2.m -- it must
    env_file: a.env
-- a.env --
# plimsoll:ignore SEC-2.n -- of the test server
DB_PASSWORD=correct-horse
`, source.Options{}, "")
	for _, f := range report.Findings {
		if f.Suppressed == nil {
			t.Errorf("%s:%d %s %s", f.Location.Path, f.Location.Line, f.Rule.ID, f.Message)
		}
	}
	if len(report.Findings) != 4 {
		t.Errorf("found\n%s", places(report.Findings))
	}
}

// TestPeersGetItWrong holds what users of other linters reported as wrong.
func TestPeersGetItWrong(t *testing.T) {
	for name, files := range map[string]string{
		"dclint takes build with image for an error": "-- compose.yaml --\nname: shop\nservices:\n  a: { build: ., image: shop }\n",
		"dclint does not follow merge keys":          "-- compose.yaml --\nname: shop\nx-a: &a { image: \"${A}\" }\nservices:\n  a: { <<: *a, user: \"1\" }\n",
		"dclint wants quotes around variables":       "-- compose.yaml --\nname: shop\nservices:\n  a: { image: \"redis:${V}\", ports: [\"${PORT}:6379\"] }\n",
		"a part refers to what another declares":     "-- prod/docker-compose.prod.yml --\nservices:\n  a: { image: \"${A}\", volumes: [\"data:/data\"], depends_on: [b] }\n",
		"a sidecar of a database is none":            "-- compose.yaml --\nname: shop\nservices:\n  a: { image: \"x/postgres-exporter:${V}\", ports: [\"9187:9187\"] }\n",
	} {
		t.Run(name, func(t *testing.T) {
			report := lintFiles(t, files, source.Options{}, "")
			for _, f := range report.Findings {
				if f.Severity >= finding.Medium && !strings.HasPrefix(f.Rule.ID, "RES-4") && !strings.HasPrefix(f.Rule.ID, "USR-") {
					t.Errorf("%s: %s", f.Rule.ID, f.Message)
				}
			}
			if len(report.Unread) > 0 {
				t.Error(report.Unread)
			}
		})
	}
}

func BenchmarkLint(b *testing.B) {
	var files strings.Builder
	for i := range 20 {
		fmt.Fprintf(&files, "-- %d/compose.yaml --\nname: shop\nservices:\n", i)
		for j := range 10 {
			fmt.Fprintf(&files, "  s%d:\n    image: a:1\n    environment: { A: b, PASSWORD: \"${P:-x}\" }\n    ports: [\"1:2\"]\n    depends_on: [s0]\n", j)
		}
	}
	dir := b.TempDir()
	for _, f := range txtar.Parse([]byte(files.String())).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lint.Run(b.Context(), []lint.Linter{Linter()}, nil, tree, lint.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
