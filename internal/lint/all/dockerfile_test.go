package all

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// foundingDockerfile is the Dockerfile of the founding document, with a package.json
// that proves that its build needs a development dependency.
const foundingDockerfile = `-- Dockerfile --
# Stage 1: Build
FROM node:18-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci --only=production
COPY . .
RUN npm run build
# Stage 2: Runtime
FROM node:18-alpine AS runtime
RUN addgroup -g 1001 appgroup && adduser -u 1001 -G appgroup -s /bin/sh -D appuser
WORKDIR /app
COPY --from=builder --chown=appuser:appgroup /app/dist ./dist
COPY --from=builder --chown=appuser:appgroup /app/node_modules ./node_modules
COPY --from=builder --chown=appuser:appgroup /app/package.json ./
USER appuser
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \
  CMD wget -qO- http://localhost:3000/health || exit 1
CMD ["node", "dist/server.js"]
-- package.json --
{"name": "app", "scripts": {"build": "tsc -p ."}, "devDependencies": {"typescript": "^5.9.0"}}
-- package-lock.json --
{}
`

// TestFoundingDockerfile holds the rows of the research on the founding document's
// Dockerfile, line by line (its line 1 is line 5 of the document), and nothing else.
// Rows that other artefacts decide are not here: the pod's probe and heap, the X-01
// of a name, and what is true only after another repair.
func TestFoundingDockerfile(t *testing.T) {
	want := []string{
		"2 low COR-44",                       // no syntax directive
		"2 high IMG-3.c", "2 medium IMG-3.b", // end of life; no digest
		"5 medium IMG-1.d", "5 low IMG-1.e", // --only=production; no cache mount
		"5 low IMG-4.e",                        // scripts of dependencies as root
		"6 medium IMG-2.b", "6 medium SEC-1.f", // no .dockerignore; .env in a layer
		"7 high X-18",                        // the build lacks its tools
		"9 high IMG-3.c", "9 medium IMG-3.b", // as line 2
		"9 medium IMG-1.f", "9 medium IMG-1.g", // NODE_ENV; package managers
		"9 medium OBS-3.d",                    // no labels
		"10 low USR-1.e",                      // a user that can log in
		"12 medium USR-4.d", "12 low USR-1.f", // a program that its user can change; owners by name
		"13 medium IMG-1.c", "13 medium IMG-2.c", // development dependencies; the order of layers
		"15 medium USR-1.b",                   // a user by name
		"17 low PRB-4.h",                      // Kubernetes ignores it
		"18 medium PRB-2.e", "18 low PRB-3.d", // localhost; output
		"19 medium PRB-4.e", // node as process 1
	}
	check(t, foundingDockerfile, lint.Options{Profile: lint.ProfileDocument}, want)
}

// TestFoundingDockerfileByDefault is what people get who did not ask for the
// document's own demands.
func TestFoundingDockerfileByDefault(t *testing.T) {
	check(t, foundingDockerfile, lint.Options{}, []string{
		"2 high IMG-3.c", "2 medium IMG-3.b", "5 low IMG-1.d", "6 medium IMG-2.b", "7 high X-18", "9 high IMG-3.c", "9 medium IMG-3.b",
		"12 low USR-4.d", "13 medium IMG-1.c", "13 medium IMG-2.c", "15 medium USR-1.b", "18 low PRB-2.e",
	})
}

func check(t *testing.T, files string, opts lint.Options, want []string) {
	t.Helper()
	report := judge(t, txtar.Parse([]byte(files)), "", opts)
	var got []string
	for _, f := range report.Findings {
		got = append(got, fmt.Sprintf("%d %s %s", f.Location.Line, f.Severity, f.Rule.ID))
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
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
	if len(got) != len(want) || len(report.Unread) > 0 {
		t.Errorf("%d findings, want %d; unread %v", len(got), len(want), report.Unread)
	}
}

// TestPeersGetDockerfilesWrong holds defects of peers on what a RUN does, by the
// report of them. Each line of want is "rule line"; good ones want nothing.
func TestPeersGetDockerfilesWrong(t *testing.T) {
	const from = "FROM debian:13" + digest + "\n"
	const user = "USER 10001\n"
	for name, c := range map[string]struct{ text, want string }{
		// hadolint#497, #723, #943, #983: a cache mount keeps lists and caches out.
		"hadolint#497": {from + "RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl\n" + user, ""},
		"hadolint#943": {"FROM python:3.13" + digest + "\nRUN --mount=type=cache,target=/root/.cache/pip pip install flask\n" + user, ""},
		// hadolint#806, #1137, #805, #882: what a heredoc does.
		"hadolint#806":                  {from + "RUN <<EOF\napt-get update\napt-get install -y curl\nrm -rf /var/lib/apt/lists/*\nEOF\n" + user, ""},
		"hadolint#1137":                 {from + "RUN bash -e <<'EOF'\napt-get update\n\n# why\ncurl -k https://example.com/x -o /x\nEOF\n" + user, "IMG-1.a 3, IMG-4.b 6"},
		"a heredoc of another language": {"FROM python:3.13" + digest + "\nRUN <<EOF python3\nimport os\npip install x\napt-get update\nEOF\n" + user, ""},
		"a file in a heredoc":           {from + "COPY <<EOF /etc/x.sh\ncurl -k https://example.com\napt-get update\nEOF\n" + user, ""},
		// hadolint#928, #1253: versions of packages are not asked for.
		"hadolint#928": {from + "RUN apt-get update && apt-get install -y \"curl=$VERSION\" wget && rm -rf /var/lib/apt/lists/*\n" + user, ""},
		// hadolint#979, #1078: an argument that is a stage.
		"hadolint#979": {"ARG BASE=one\nFROM debian:13" + digest + " AS one\nFROM ${BASE}\n" + user, ""},
		// trivy#10333: wget here and curl there are of different stages.
		"trivy#10333": {from[:len(from)-1] + " AS a\nRUN wget https://example.com\n" + from + "RUN curl https://example.com\n" + user, ""},
		// trivy#1620, #3966, hadolint#1068: root in a stage that builds.
		"trivy#1620": {from[:len(from)-1] + " AS a\nUSER root\nRUN apt-get update\n" + from + user, ""},
		// checkov's graph rules look for words; this is text, a comment, another program's option.
		"checkov and words": {from + "RUN echo 'never use curl -k or wget --no-check-certificate' && ls -k # curl -k\n" + user, ""},
		// hadolint's DL3002 wants an explicit root and DL3066 any name; a variable is neither.
		"a user by argument": {"FROM debian:13" + digest + "\nARG UID\nUSER ${UID:-1001}\n", ""},
		// kubernetes and dockle#250: a package's version is no credential.
		"dockle#250": {"FROM alpine:3.22" + digest + "\nRUN apk add --no-cache libcrypto3=3.5.0-r0\nENV PHP_EXTRA_CONFIGURE_ARGS=--enable-fpm GPG_KEYS=\n" + user, ""},
		// moby/buildkit#5504: names about a secret.
		"buildkit#5504": {from + "ENV DB_PASSWORD_FILE=/run/secrets/db KEY_VERSION=3\n" + user, ""},
		"continuations, comments and another escape": {"# escape=`\n" + from + "RUN echo one `\n  # a comment`\n\n  && curl `\n    --insecure https://example.com/x -o /x\n" + user, "IMG-4.b 7"},
		"a shell that is none":                       {from + "SHELL [\"pwsh\", \"-Command\"]\nRUN curl -k https://example.com\n" + user, ""},
		"the list of a shell":                        {from + "RUN [\"/bin/bash\", \"-euc\", \"curl -k https://example.com -o x\"]\n" + user, "IMG-4.b 2"},
		"a shell in a shell":                         {from + "RUN su app -c 'true' && sh -c 'cd /x && curl -fsk https://example.com -o x'\n" + user, "IMG-4.b 2"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			report := judge(t, txtar.Parse([]byte("-- Dockerfile --\n"+c.text)), "", lint.Options{})
			var got []string
			for _, f := range report.Findings {
				got = append(got, fmt.Sprintf("%s %d", f.Rule.ID, f.Location.Line))
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != c.want || len(report.Unread) > 0 {
				t.Errorf("got %q, want %q; unread %v", text, c.want, report.Unread)
			}
		})
	}
}

// TestSecretsOfCommandsAreNeverShown: what a RUN holds is masked wherever its line
// is shown, also for another rule.
func TestSecretsOfCommandsAreNeverShown(t *testing.T) {
	report := judge(t, txtar.Parse([]byte("-- Dockerfile --\nFROM debian:13\n"+
		"RUN curl -k -H 'Authorization: Bearer hunter2hunter2' https://ci:hunter2@example.com/x -o /x && echo root:hunter2 | chpasswd && useradd -p hunter2hunter2 a\n")), "", lint.Options{})
	rules := map[string]bool{}
	for _, f := range report.Findings {
		rules[f.Rule.ID] = true
		if strings.Contains(f.Message+f.Excerpt+f.SourceLine+f.Path, "hunter2") {
			t.Errorf("a secret is shown: %+v", f)
		}
	}
	if !rules["SEC-1.e"] || !rules["IMG-4.b"] {
		t.Errorf("found %v", rules)
	}
}

// BenchmarkDockerfiles100 is a hundred Dockerfiles of two stages in as many
// directories.
func BenchmarkDockerfiles100(b *testing.B) {
	files := map[string]string{}
	for i := range 100 {
		files[filepath.Join(fmt.Sprintf("svc-%d", i), "Dockerfile")] = benchDockerfile +
			"RUN apt-get update && apt-get install -y --no-install-recommends \\\n    curl \\\n    ca-certificates \\\n && rm -rf /var/lib/apt/lists/*\n"
	}
	bench(b, files)
}
