package stack_test

import (
	"debug/elf"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents/contentstest"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
)

// tiny is an image with a static program and no shell, of user 1000 by name.
func tiny(t testing.TB, change func(*v1.Config), more ...contentstest.File) *contents.Image {
	t.Helper()
	config := v1.Config{User: "app", Entrypoint: []string{"/app/web"}, WorkingDir: "/app", Env: []string{"PATH=/usr/bin:/bin"}}
	if change != nil {
		change(&config)
	}
	files := append([]contentstest.File{
		{Name: "etc/passwd", Body: "root:x:0:0::/:/\napp:x:1000:1000::/home/app:/\n"},
		{Name: "app/"},
		{Name: "app/web", Body: contentstest.Program("", elf.EM_X86_64), Mode: 0o755},
	}, more...)
	return contentstest.Open(t, config, files)
}

const built = "-- Dockerfile --\nFROM scratch\nUSER app\nCMD [\"/app/web\"]\n"

// ofRun are the options of a run that built the Dockerfile.
var ofRun = lint.Options{Dockerfile: "Dockerfile", Built: true}

func TestImages(t *testing.T) {
	shell := []contentstest.File{{Name: "bin/"}, {Name: "bin/sh", Body: contentstest.Program("", elf.EM_X86_64), Mode: 0o755}}
	for name, c := range map[string]struct {
		files, want string
		change      func(*v1.Config)
		more        []contentstest.File
	}{
		// distroless#183, #1350: no curl, no shell.
		"a probe without its program":  {built + "-- k.yaml --\n" + workload("web", "app", "          livenessProbe: { exec: { command: [curl, -f, \"http://localhost\"] } }\n"), "k.yaml:11 high X-04\n", nil, nil},
		"a preStop without a shell":    {built + "-- k.yaml --\n" + workload("web", "app", "          lifecycle: { preStop: { exec: { command: [sh, -c, sleep 5] } } }\n"), "k.yaml:11 high X-04\n", nil, nil},
		"a preStop with a shell":       {built + "-- k.yaml --\n" + workload("web", "app", "          lifecycle: { preStop: { exec: { command: [/bin/sh, -c, \":\"] } } }\n"), "", nil, shell},
		"a probe that the image has":   {built + "-- k.yaml --\n" + workload("web", "app", "          livenessProbe: { exec: { command: [/app/web, alive] } }\n"), "", nil, nil},
		"a probe that a mount brings":  {built + "-- k.yaml --\n" + workload("web", "app", "          livenessProbe: { exec: { command: [/probes/http] } }\n          volumeMounts: [{ name: p, mountPath: /probes }]\n"), "", nil, nil},
		"health in Compose":            {built + "-- compose.yaml --\nservices:\n  app:\n    build: .\n    healthcheck: { test: [CMD, wget, -q, \"http://localhost\"] }\n", "compose.yaml:4 high X-04\n", nil, nil},
		"health in Compose by a shell": {built + "-- compose.yaml --\nservices:\n  app:\n    build: .\n    healthcheck: { test: /app/web alive }\n", "compose.yaml:4 high X-04\n", nil, nil},
		"a command that is not there":  {built + "-- k.yaml --\n" + workload("web", "app", "          command: [/app/server]\n"), "k.yaml:11 high X-05\n", nil, nil},
		"args behind the entrypoint":   {built + "-- k.yaml --\n" + workload("web", "app", "          args: [serve]\n"), "", nil, nil},
		"args instead of the command": {
			built + "-- k.yaml --\n" + workload("web", "app", "          args: [serve]\n"), "k.yaml:11 high X-05\n",
			func(c *v1.Config) { c.Cmd, c.Entrypoint = c.Entrypoint, nil }, nil,
		},
		"a command of variables":   {built + "-- k.yaml --\n" + workload("web", "app", "          command: [\"$(PROGRAM)\"]\n"), "", nil, nil},
		"an entrypoint in Compose": {built + "-- compose.yaml --\nservices:\n  app: { build: ., entrypoint: [tini, --, /app/web] }\n", "compose.yaml:2 high X-05\n", nil, nil},
		// gatekeeper#273: a user that may not read what the image's own may.
		"a user that may not execute": {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { runAsUser: 2000 }\n"), "k.yaml:11 high X-02\n", func(c *v1.Config) { c.Entrypoint = []string{"/app/own"} }, []contentstest.File{
			{Name: "app/own", Body: contentstest.Program("", elf.EM_X86_64), Mode: 0o700, UID: 1000, GID: 1000},
		}},
		"a user in Compose": {built + "-- compose.yaml --\nservices:\n  app: { build: ., user: \"2000\" }\n", "compose.yaml:2 high X-02\n", func(c *v1.Config) { c.Entrypoint = []string{"/app/own"} }, []contentstest.File{
			{Name: "app/own", Body: contentstest.Program("", elf.EM_X86_64), Mode: 0o700, UID: 1000, GID: 1000},
		}},
		"a user that may":                    {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { runAsUser: 2000 }\n"), "", nil, nil},
		"a working directory of one user":    {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { runAsUser: 2000 }\n"), "k.yaml:11 high X-02\n", func(c *v1.Config) { c.WorkingDir = "/home/app" }, []contentstest.File{{Name: "home/app/", Mode: 0o700, UID: 1000, GID: 1000}}},
		"a name where a number is demanded":  {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { runAsNonRoot: true }\n"), "Dockerfile:2 high X-01\n", nil, nil},
		"the image decides, not its file":    {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { runAsNonRoot: true }\n"), "", func(c *v1.Config) { c.User = "1000:1000" }, nil},
		"a volume that the base brought":     {built + "-- k.yaml --\n" + workload("web", "app", "          securityContext: { readOnlyRootFilesystem: true }\n"), "k.yaml:11 medium X-10\n", func(c *v1.Config) { c.Volumes = map[string]struct{}{"/data": {}} }, nil},
		"a program that a mount hides":       {built + "-- k.yaml --\n" + workload("web", "app", "          volumeMounts: [{ name: p, mountPath: /app }]\n      volumes: [{ name: p, emptyDir: {} }]\n"), "k.yaml:11 high X-20\n", nil, nil},
		"a node for another kind of program": {built + "-- k.yaml --\n" + workload("web", "app", "      nodeSelector: { kubernetes.io/arch: arm64 }\n"), "k.yaml:11 high X-19\n", nil, nil},
		"another image":                      {built + "-- k.yaml --\n" + workload("db", "postgres:17", "          command: [/app/server]\n"), "", nil, nil},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			if diff := cmp.Diff(c.want, ours(report(t, c.files, ofRun, tiny(t, c.change, c.more...)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDigestMoved: a digest beside the tag of this run is that of this run, whether it
// is the manifest's or the index's.
func TestDigestMoved(t *testing.T) {
	one, two := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	for name, c := range map[string]struct {
		image, want string
		digests     []string
	}{
		"another digest":     {"registry.example.com/app:1@" + two, "k.yaml:10 high X-13\n", []string{one}},
		"the index":          {"registry.example.com/app:1@" + two, "", []string{one, two}},
		"an earlier release": {"registry.example.com/app:0@" + two, "", []string{one}},
		"a digest alone":     {"registry.example.com/app@" + two, "", []string{one}},
		"not known yet":      {"registry.example.com/app:1@" + two, "", nil},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			opts := lint.Options{Dockerfile: "Dockerfile", Built: true, Tags: []string{"registry.example.com/app:1"}, Digests: c.digests}
			if got := ours(report(t, built+"-- k.yaml --\n"+workload("app", c.image), opts, tiny(t, nil))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestGivenImage: an image that was not built here is that of the containers that name
// it with its tag.
func TestGivenImage(t *testing.T) {
	probe := "          livenessProbe: { exec: { command: [curl] } }\n"
	files := "-- Dockerfile --\nFROM alpine:3.22\n-- k.yaml --\n" + workload("a", "app:1", probe) + workload("b", "app:2", probe) + workload("c", "other:1", probe)
	if got := ours(report(t, files, lint.Options{Dockerfile: "Dockerfile"}, tiny(t, nil))); got != "k.yaml:11 high X-04\n" {
		t.Errorf("got %q", got)
	}
}

// TestExcusesWait: an excuse for what only an image can tell is unused only where one
// was looked at.
func TestExcusesWait(t *testing.T) {
	files := built + "-- k.yaml --\n" + workload("web", "app", "          # plimsoll:ignore X-04 -- a debug image brings it\n          livenessProbe: { exec: { command: [/app/web] } }\n")
	unused := func(r lint.Report) int {
		n := 0
		for _, f := range r.Findings {
			if f.Rule.ID == "SUP-03" {
				n++
			}
		}
		return n
	}
	if n := unused(report(t, files, ofRun)); n != 0 {
		t.Errorf("without an image: %d unused", n)
	}
	if n := unused(report(t, files, ofRun, tiny(t, nil))); n != 1 {
		t.Errorf("with an image: %d unused, want 1", n)
	}
	if n := unused(look(t, files, ofRun, stack.Across()).Report()); n != 0 {
		t.Errorf("before anything across was looked at: %d unused", n)
	}
}
