package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

var update = flag.Bool("update", false, "rewrite what is generated")

const module = "github.com/plimsoll-ci/plimsoll/"

// room is one package of the house.
type room struct {
	name string // below internal/, or "." for the root
	what string
}

// floors is the map, top down. A room imports rooms on floors below its own, and
// its own child or parent; never one beside it or above.
var floors = [][]room{
	{{".", "composition root: the only importer of the adapters"}},
	{{"build/doors", "the ways to a builder, in order"}},
	{
		{"build/buildkit", "adapter: builds through any BuildKit"},
		{"build/buildkit/check", "adapter: BuildKit's own checks on Dockerfiles, offline"},
		{"build/buildkit/controller", "adapter: BuildKit's controller in our process, served through memory or one stream"},
		{"build/buildkit/shipment", "what BuildKit exported, taken apart"},
		{"build/engine", "adapter: Docker's engine: its BuildKit, its image store, siblings"},
		{"build/engine/classic", "adapter: engines without BuildKit"},
		{"scan/trivy/analyze", "adapter: Trivy's analyzers as one visitor of the walk"},
		{"scan/trivy/db", "adapter: the vulnerability database, fetched, checked, opened"},
		{"sign/sigstore", "adapter: cosign v2 and sigstore-go, by key"},
		{"cache/gha", "adapter: GitHub's cache, from inside a job"},
		{"source/helm", "adapter: charts, rendered in process within bounds, each byte with its place in a template"},
		{"source/kustomize", "adapter: kustomizations, built in process from the tree alone"},
	},
	{{"scan/trivy/match", "adapter: an inventory against the database, by Trivy's light detectors"}},
	{{"scan/trivy", "what analyze and match say to each other"}},
	{{"cli", "args, environment and streams → exit code; one file per command"}},
	{{"pipeline", "stages, State, Run: the list reads like a table of contents"}},
	{{"lint/all", "the rule sets together"}},
	{
		{"lint/change", "rules on what a change does to the objects that were there"},
		{"lint/compose", "rules on Compose projects: one file and one fixture each"},
		{"lint/custom", "rules that a settings file brings, in CEL, within bounds"},
		{"lint/dockerfile", "rules on Dockerfiles: one file and one fixture each"},
		{"lint/image", "rules on what a container of the image would find"},
		{"lint/fix", "the safe fixes of findings → new texts, and their diff (pure)"},
		{"lint/kubernetes", "rules on Kubernetes manifests: one file and one fixture each"},
		{"lint/workflow", "rules on workflows, scripts and Makefiles: one file and one fixture each"},
		{"lint/stack", "rules on what no single file shows: an image, what builds it, what runs it"},
		{"lint/stack/binding", "which container, stage and service are one image"},
	},
	{
		{"promote", "resolve, survey, copy with evidence, tag last"},
		{"cache", "what the next machine need not find out again; who may say so"},
	},
	{
		{"build", "what a build asks for and gives; doors; layers → lines of the Dockerfile"},
		{"scan", "what a scan asks for and gives; findings → lines of the Dockerfile"},
		{"sign", "what signing and verifying ask for and give"},
	},
	{
		{"report/actions", "the runner's protocol, and the log nothing foreign passes raw"},
		{"report/github", "the sticky comment, base commits; limits and permissions"},
	},
	{{"report/markdown", "the job summary and the comment"}, {"report/text", "what is printed"}},
	{{"report", "one Result: JSON, causes, groups, annotations"}},
	{{"compare", "introduced, existing, fixed (pure)"}, {"ignore", "what the settings excuse (pure)"}},
	{{"policy", "what was seen → Verdict; what each event allows (pure)"}},
	{{"lint", "Check, Pass, suppression"}},
	{
		{"source/compose", "the positioned model of Compose projects"},
		{"source/dockerfile", "the positioned model of a Dockerfile"},
		{"source/kubernetes", "the positioned model of Kubernetes manifests"},
		{"source/kubernetes/schema", "the fields, types and versions of Kubernetes' own kinds, and of CRDs"},
		{"source/revision", "the tree of a commit, from git or an archive"},
		{"source/workflow", "the positioned model of GitHub's workflows and actions"},
	},
	{{"source/script", "what shells run: scripts, recipes of Makefiles"}, {"source/yaml", "YAML with the place of every value"}},
	{{"source", "the tree of files that are judged"}},
	{{"registry/replica", "an image with all its evidence, into other repositories"}},
	{{"registry", "auth, transport, resolve, push, referrers"}},
	{{"image/contents", "what a container of an image would find"}},
	{{"image/layer", "the one walk over layers, with visitors; file index"}},
	{{"image", "layouts, archives, digests, platforms"}},
	{{"event", "what set the run off"}},
	{{"verdict", "Verdict, Evidence, Result"}},
	{
		{"config", "every setting once"},
		{"progress", "what long work has to say"},
	},
	{
		{"finding", "Rule, Finding, Location, Severity, Fingerprint (standard library only)"},
		{"printable", "text from outside, safe and honest to show"},
	},
}

// adapterFloors is how many floors below the root hold adapters.
const adapterFloors = 4

func adapterRooms() []room { return slices.Concat(floors[1 : 1+adapterFloors]...) }

// beside are packages that serve tests and the demo; the program never links them.
var beside = []room{
	{"cache/gha/ghatest", "GitHub's cache: scopes, immutable entries, the blob store behind it"},
	{"lint/peers", "what other linters check, and what of it is ours: the tables of docs/migration"},
	{"image/contents/contentstest", "tiny images in memory, for tests of what is in one"},
	{"demo", "make demo: a registry, a small database, the bad ship and the good ship"},
	{"registry/registrytest", "an in-memory registry that logs requests and fails on demand"},
	{"demo/action", "the action's own image, started as runners do"},
	{"report/actions/runnertest/actionimage", "builds the action's image for tests"},
	{"report/actions/runnertest", "GitHub's runner: variables, parsers, limits, the line that starts us"},
	{"report/github/githubtest", "a GitHub that holds clients to its rules"},
	{"report/github/githubtest/openapi", "GitHub's own description of its API, cut to what is used"},
	{"report/github/githubtest/graphql", "GitHub's GraphQL, cut to what is used"},
	{"report/github/githubtest/history", "commits, trees and archives of the GitHub of tests"},
	{"report/reporttest", "results that reports are tested with"},
	{"scan/trivy/dbbuild", "a small vulnerability database from facts in testdata/advisories"},
}

// gated modules are open to the rooms named and, through the root, to nobody else.
var gated = []struct {
	module string
	rooms  []string
	except []string // packages of the module that anybody may import
	why    string
	// direct bans imports only; else a room may not reach the module at all.
	direct bool
}{
	{"github.com/aquasecurity/trivy", []string{"scan/trivy", "scan/trivy/analyze", "scan/trivy/match", "scan/trivy/db", "scan/trivy/dbbuild"}, nil, "promises no Go API and needs GOEXPERIMENT", false},
	{"github.com/aquasecurity/trivy-db", []string{"scan/trivy/match", "scan/trivy/db", "scan/trivy/dbbuild"}, nil, "one process-wide database", false},
	{"github.com/sigstore/", []string{"sign/sigstore"}, nil, "large, and read environment and network unasked", false},
	{"github.com/moby/buildkit", []string{"build/buildkit", "build/buildkit/check", "build/buildkit/controller"}, []string{
		"frontend/dockerfile/parser", "frontend/dockerfile/instructions", "frontend/dockerfile/shell", "frontend/dockerfile/command",
		"frontend/dockerfile/linter", "util/suggest", "util/stack",
	}, "the daemon; its parser is everybody's", false},
	{"github.com/containerd/containerd/v2", []string{"build/buildkit", "build/buildkit/controller"}, nil, "comes with the daemon", false},
	{"github.com/tonistiigi/go-actions-cache", []string{"cache/gha"}, nil, "drags in the cloud library of a vendor", false},
	{"helm.sh/helm", []string{"source/helm"}, nil, "links the client of Kubernetes", false},
	{"sigs.k8s.io/kustomize", []string{"source/kustomize"}, nil, "fetches by git and HTTP what it is told to, whatever its options", false},
	{"github.com/google/go-github", []string{"report/github", "report/github/githubtest"}, nil, "one client, one budget of requests", true},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps,Standard"}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// name is a package's room, and whether it is ours at all.
func name(importPath string) (string, bool) {
	if importPath+"/" == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"internal/")
}

func TestArrowsPointDown(t *testing.T) {
	t.Parallel()
	floor := map[string]int{}
	for i, rooms := range floors {
		for _, r := range rooms {
			floor[r.name] = i
		}
	}
	outside := map[string]bool{}
	for _, r := range beside {
		outside[r.name] = true
	}
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		from, ours := name(p.ImportPath)
		if !ours {
			continue
		}
		seen[from] = true
		at, known := floor[from]
		if !known && !outside[from] {
			t.Errorf("%s is not on the map: give it a floor in arch_test.go", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := name(imported)
			if !ours || outside[from] {
				continue
			}
			if outside[to] {
				t.Errorf("%s may not import %s: it serves tests and the demo only", from, to)
				continue
			}
			below, known := floor[to]
			if !known {
				continue // said where it is listed itself
			}
			family := path.Dir(from) == to || path.Dir(to) == from
			if below < at || below == at && !family {
				t.Errorf("%s may not import %s: arrows point down", from, to)
			}
		}
	}
	for _, r := range slices.Concat(slices.Concat(floors...), beside) {
		if !seen[r.name] {
			t.Errorf("%s is on the map and not in the tree", r.name)
		}
	}
}

func TestAdaptersAreWiredAtTheRootOnly(t *testing.T) {
	t.Parallel()
	adapters := map[string]bool{}
	for _, r := range adapterRooms() {
		adapters[r.name] = true
	}
	outside := map[string]bool{}
	for _, r := range beside {
		outside[r.name] = true
	}
	for _, p := range list(t, "./...") {
		from, ours := name(p.ImportPath)
		if !ours || from == "." || adapters[from] || outside[from] {
			continue
		}
		for _, imported := range p.Imports {
			if to, ours := name(imported); ours && adapters[to] {
				t.Errorf("%s may not import the adapter %s: only the root wires adapters", from, to)
			}
		}
	}
}

func TestHeavyModulesStayBehindTheirDoors(t *testing.T) {
	t.Parallel()
	adapters := map[string]bool{}
	for _, r := range slices.Concat(adapterRooms(), beside) {
		adapters[r.name] = true
	}
	for _, p := range list(t, "./...") {
		from, ours := name(p.ImportPath)
		if !ours || from == "." {
			continue
		}
		// An adapter drags in what its module needs; every other room is clean to the bottom.
		reached := p.Deps
		if adapters[from] {
			reached = p.Imports
		}
		for _, dep := range reached {
			for _, g := range gated {
				if g.direct && !slices.Contains(p.Imports, dep) {
					continue
				}
				inside, ok := strings.CutPrefix(dep, g.module)
				if !ok || slices.Contains(g.rooms, from) || slices.Contains(g.except, strings.TrimPrefix(inside, "/")) {
					continue
				}
				if inside != "" && !strings.HasSuffix(g.module, "/") && !strings.HasPrefix(inside, "/") {
					continue // trivy-db is not trivy
				}
				t.Errorf("%s reaches %s, which is open to %s only: %s", from, dep, strings.Join(g.rooms, ", "), g.why)
			}
		}
	}
}

func TestFindingNeedsTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./internal/finding") {
		if _, ours := name(p.ImportPath); !p.Standard && !ours {
			t.Errorf("finding reaches %s", p.ImportPath)
		}
	}
}

const (
	mapBegin = "<!-- map: printed by arch_test.go; run: make generate -->"
	mapEnd   = "<!-- map ends -->"
)

func TestMapIsPrinted(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(mapBegin + "\n```\n")
	for i, rooms := range floors {
		for _, r := range rooms {
			label := r.name
			if label == "." {
				label = "main.go, adapters.go"
			}
			fmt.Fprintf(&b, "%-22s %s\n", label, r.what)
		}
		if i == adapterFloors {
			b.WriteString(strings.Repeat("─", 78) + "\n")
		}
	}
	b.WriteString("\nBeside the house, for tests and the demo:\n")
	for _, r := range beside {
		fmt.Fprintf(&b, "%-22s %s\n", r.name, r.what)
	}
	b.WriteString("```\n\nDoors of heavy modules:\n\n| module | open to | why |\n|---|---|---|\n")
	for _, g := range gated {
		rooms := strings.Join(g.rooms, ", ")
		if rooms == "" {
			rooms = "no room"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.TrimSuffix(g.module, "/"), rooms, g.why)
	}
	b.WriteString(mapEnd)

	const file = "ARCHITECTURE.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), mapBegin)
	_, after, ok2 := strings.Cut(rest, mapEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost its map markers", file)
	}
	want := before + b.String() + after
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatalf("the map in %s is not the one in arch_test.go; run: make generate", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	files, err := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("git lists the files whose length is checked, and this is no checkout; run: git clone, then go test . in it")
	}
	for file := range strings.FieldsSeq(string(files)) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			continue // deleted and not yet committed
		}
		if n := bytes.Count(data, []byte("\n")); n > 400 {
			t.Errorf("%s has %d lines; the budget is 400", file, n)
		}
	}
}

// lowest are the versions below which a module has a known hole that concerns
// us, or does not do what we rely on. The build list may lie above, never below.
var lowest = []struct{ module, version, why string }{
	{"github.com/aquasecurity/trivy", "v0.74.0", "the adapter is written against it; below 0.71.0 CVE-2026-54448"},
	{"github.com/sigstore/cosign/v2", "v2.6.5", "keys inside a bundle could overrule the verifier's; CVE-2026-22703, CVE-2026-39395"},
	{"github.com/sigstore/sigstore-go", "v1.3.0", "CVE-2026-49834, CVE-2026-54787; DSSE in a current Rekor"},
	{"github.com/sigstore/rekor", "v1.5.2", "CVE-2026-48702"},
	{"github.com/sigstore/sigstore", "v1.10.4", "CVE-2026-24137"},
	{"github.com/sigstore/timestamp-authority/v2", "v2.1.0", "CVE-2026-39984, GO-2026-5851"},
	{"github.com/theupdateframework/go-tuf/v2", "v2.4.1", "GO-2026-4348, 4349, 4377"},
	{"github.com/in-toto/in-toto-golang", "v0.11.0", "GO-2026-5547"},
	{"github.com/go-jose/go-jose/v4", "v4.1.4", "CVE-2026-34986"},
	{"github.com/google/go-containerregistry", "v0.21.6", "writes the artifactType of referrers"},
	{"github.com/moby/buildkit", "v0.34.2", "the adapter is written against it"},
	{"github.com/google/go-github/v60", "v60.0.0", "named by the founding decision"},
	{"github.com/fvbommel/sortorder", "v1.2.0", "docker/cli needs it and does not say so"},
}

func TestBuildListIsAboveTheFloors(t *testing.T) {
	t.Parallel()
	// A tidy go.mod names every module of the build list that a package comes from.
	data, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	for _, r := range file.Require {
		built[r.Mod.Path] = r.Mod.Version
	}
	for _, f := range lowest {
		if v := built[f.module]; semver.Compare(v, f.version) < 0 {
			t.Errorf("%s is at %q, below %s: %s", f.module, v, f.version, f.why)
		}
	}
}
