package workflow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

const ci = ".github/workflows/ci.yml"

// judge lints the files of a tree and tells rule, severity and place of what it finds.
func judge(t testing.TB, files map[string]string) (found []string, report lint.Report) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err = lint.Run(t.Context(), []lint.Linter{Linter()}, nil, tree, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		what := fmt.Sprintf("%s %s %s:%d:%d", f.Rule.ID, f.Severity, f.Location.Path, f.Location.Line, f.Location.Column)
		if f.Suppressed != nil {
			what += " excused"
		}
		found = append(found, strings.ReplaceAll(what, ci+":", ""))
	}
	return found, report
}

// steps is a workflow of one job with steps, the first of which is on line 7.
func steps(on, job, list string) string {
	return "on: " + on + "\npermissions: {}\njobs:\n  " + job + ":\n    runs-on: ubuntu-latest\n    steps:\n" + list
}

// TestImperative holds what is left alone, and what is not, with the exact place.
func TestImperative(t *testing.T) {
	const scale = "      - run: kubectl scale deploy/web --replicas 2\n"
	for name, c := range map[string]struct{ text, want string }{
		"plain":                        {steps("push", "deploy", scale), "OBS-4.w medium 7:14"},
		"a job that tests":             {steps("push", "integration-test", scale), ""},
		"a cluster of the job's own":   {steps("push", "deploy", "      - uses: helm/kind-action@11bd71901bbe5b1630ceea73d27597364c9af683\n"+scale), ""},
		"a script that makes one":      {steps("push", "deploy", "      - run: ./scripts/kind.sh up\n"+scale), ""},
		"make kind-up":                 {steps("push", "deploy", "      - run: make kind-up\n"+scale), ""},
		"options in front":             {steps("push", "deploy", "      - run: sudo kubectl --kubeconfig x -n $NS --context=y patch deploy web -p x\n"), "OBS-4.w medium 7:14"},
		"a verb that nobody knows":     {steps("push", "deploy", "      - run: kubectl $VERB deploy web\n"), ""},
		"an expression as verb":        {steps("push", "deploy", "      - run: kubectl ${{ inputs.verb }} deploy web\n"), ""},
		"behind an expression":         {steps("push", "deploy", "      - run: ${{ env.WRAP }} kubectl scale x; kubectl scale y\n"), "OBS-4.w medium 7:47"},
		"in a function":                {steps("push", "deploy", "      - run: |\n          f() { kubectl edit x; }\n          f\n"), "OBS-4.w medium 8:17"},
		"in a substitution":            {steps("push", "deploy", "      - run: echo \"$(kubectl run x --image y)\"\n"), "OBS-4.w medium 7:22"},
		"a heredoc for a shell":        {steps("push", "deploy", "      - run: |\n          bash <<EOF\n          kubectl edit x\n          EOF\n"), "OBS-4.w medium 9:11"},
		"a heredoc for people":         {steps("push", "deploy", "      - run: |\n          cat <<EOF\n          kubectl edit x\n          EOF\n"), ""},
		"over ssh by an action":        {steps("push", "deploy", "      - uses: appleboy/ssh-action@11bd71901bbe5b1630ceea73d27597364c9af683\n        with:\n          script: |\n            cd x\n            docker exec web ./migrate\n"), "OBS-4.w medium 11:13"},
		"what that action started":     {steps("push", "deploy", "      - uses: appleboy/ssh-action@11bd71901bbe5b1630ceea73d27597364c9af683\n        with:\n          script: docker compose up -d && docker exec web ./migrate\n"), ""},
		"an action for kubectl":        {steps("push", "deploy", "      - uses: actions-hub/kubectl@11bd71901bbe5b1630ceea73d27597364c9af683\n        with:\n          args: set image deploy/web web=x:${{ github.sha }}\n"), "OBS-4.w medium 9:17"},
		"docker exec into a service":   {steps("push", "deploy", "      - run: docker exec web ./migrate\n"), ""},
		"another shell":                {steps("push", "deploy", "      - run: kubectl scale x\n        shell: pwsh\n"), ""},
		"a version in the address":     {steps("push", "deploy", "      - run: kubectl apply -f https://example.com/v1.2.3/x.yaml\n"), "OBS-4.w low 7:14"},
		"none in the address":          {steps("push", "deploy", "      - run: kubectl apply --filename=https://example.com/x.yaml\n"), "OBS-4.w medium 7:14"},
		"a folded scalar":              {steps("push", "deploy", "      - run: >-\n          echo a &&\n          kubectl scale x\n"), "OBS-4.w medium 9:11"},
		"excused in the script":        {steps("push", "deploy", "      - run: |\n          # plimsoll:ignore OBS-4.w -- once, by hand\n          kubectl scale x\n"), "OBS-4.w medium 9:11 excused"},
		"excused above the step":       {steps("push", "deploy", "      # plimsoll:ignore OBS-4.w -- once, by hand\n      - name: x\n        run: kubectl scale x\n"), "OBS-4.w medium 9:14 excused"},
		"excused behind the command":   {steps("push", "deploy", "      - run: |\n          kubectl scale \\\n            x # plimsoll:ignore OBS-4.w -- once, by hand\n"), "OBS-4.w medium 8:11 excused"},
		"a script with a syntax error": {steps("push", "deploy", "      - run: if kubectl (\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, report := judge(t, map[string]string{ci: c.text})
			if got := strings.Join(found, ", "); got != c.want || len(report.Unread) > 0 {
				t.Errorf("%s: found %q, want %q; unread %v", c.text, got, c.want, report.Unread)
			}
			if name == "a script with a syntax error" && len(report.Notes) != 1 {
				t.Errorf("notes: %q", report.Notes)
			}
		})
	}
}

func TestStrangers(t *testing.T) {
	const echo = "      - run: echo ${{ github.event.workflow_run.head_branch }}\n"
	checkout := func(with string) string {
		return "      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n        with:\n          " + with + "\n      - run: make\n        env: {T: \"${{ secrets.T }}\"}\n"
	}
	head := checkout("ref: ${{ github.event.pull_request.head.sha }}")
	for name, c := range map[string]struct{ text, want string }{
		"a branch's name":               {steps("workflow_run", "x", echo), "WF-05 high 7:19"},
		"branches that are named":       {steps("{workflow_run: {branches: [main, update/a]}}", "x", echo), ""},
		"branches by pattern":           {steps("{workflow_run: {branches: ['update/**']}}", "x", echo), "WF-05 high 7:19"},
		"a context that is never set":   {steps("push", "x", "      - run: echo ${{ github.head_ref }}\n"), ""},
		"a reusable workflow":           {steps("workflow_call", "x", "      - run: echo ${{ github.head_ref }}\n"), "WF-05 medium 7:19"},
		"a message of a commit":         {steps("push", "x", "      - run: echo '${{ github.event.head_commit.message }}'\n"), "WF-05 high 7:20"},
		"a member's comment":            {steps("issue_comment", "x", "      - if: github.event.comment.author_association == 'OWNER'\n        run: echo ${{ github.event.comment.body }}\n"), "WF-05 low 8:19"},
		"in Python":                     {steps("issues", "x", "      - run: print(\"${{ github.event.issue.title }}\")\n        shell: python\n"), "WF-05 high 7:21"},
		"the head of a pull request":    {steps("pull_request_target", "x", head), "WF-04 high 9:16"},
		"under pull_request":            {steps("pull_request", "x", head), ""},
		"what is merged":                {strings.Replace(steps("pull_request_target", "x", head), "    runs-on", "    if: github.event.pull_request.merged == true\n    runs-on", 1), ""},
		"an environment that asks":      {strings.Replace(steps("pull_request_target", "x", head), "    runs-on", "    environment: staging\n    runs-on", 1), "WF-04 medium 10:16"},
		"the base":                      {steps("pull_request_target", "x", checkout("ref: ${{ github.event.pull_request.base.sha }}")), ""},
		"a fork's default branch":       {steps("pull_request_target", "x", checkout("repository: ${{ github.event.pull_request.head.repo.full_name }}")), "WF-04 high 9:23"},
		"only functions of the script":  {steps("pull_request_target", "x", strings.Replace(head, "run: make", "run: 'f() { echo; }; f'", 1)), "WF-04 low 9:16"},
		"no secrets, and only to read":  {steps("pull_request_target", "x", strings.Replace(head, "secrets.T", "github.sha", 1)), "WF-04 medium 9:16"},
		"an unreadable version":         {steps("pull_request_target", "x", strings.Replace(head, "11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2", "v7", 1)), "WF-01 low 7:15"},
		"a script pinned to a commit":   {steps("push", "x", "      - run: curl https://example.com/11bd71901bbe5b1630ceea73d27597364c9af683/x.sh | sh\n"), ""},
		"another event in a condition":  {steps("[push, pull_request_target]", "x", strings.Replace(head, "      - uses", "      - if: github.event_name == 'push'\n        uses", 1)), ""},
		"a fetch of the pull request":   {steps("pull_request_target", "x", "      - run: git fetch origin pull/${{ github.event.number }}/head && git checkout FETCH_HEAD && make ${{ secrets.T }}\n      - run: make\n"), "WF-04 high 7:14"},
		"the place of a secret is kept": {steps("push", "x", "      - run: make\n        env:\n          K: glpat-0123456789abcdefghij\n"), "WF-10 high 9:14"},
	} {
		t.Run(name, func(t *testing.T) {
			found, report := judge(t, map[string]string{ci: c.text})
			if got := strings.Join(found, ", "); got != c.want {
				t.Errorf("%s: found %q, want %q", c.text, got, c.want)
			}
			for _, f := range report.Findings {
				if strings.Contains(f.SourceLine+f.Excerpt+f.Message, "0123456789abcdef") {
					t.Errorf("a secret is shown: %+v", f)
				}
			}
		})
	}
}

// TestWhoRuns: scripts and targets count where a workflow that ships runs them, or
// their names say that they deploy.
func TestWhoRuns(t *testing.T) {
	const scale = "#!/bin/sh\nkubectl scale x\n"
	found, report := judge(t, map[string]string{
		ci:                                    steps("push", "ship", "      - run: bash ci/after.sh && make -C x annotate V=1\n"),
		".github/workflows/test.yml":          steps("push", "x", "      - run: ./ci/checked.sh && make check\n"),
		"ci/after.sh":                         scale,
		"ci/checked.sh":                       scale,
		"tools/deploy-web.sh":                 scale,
		"tools/helpful.sh":                    scale,
		"hack/deploy.sh":                      scale,
		"deploy-kind.sh":                      scale,
		"x/Makefile":                          "annotate:\n\t@kubectl scale x\ncheck helpful:\n\tkubectl scale x\nrelease: a\n\tif kubectl (\n",
		"zsh/deploy.sh":                       "#!/bin/zsh\nfor x (a b) kubectl scale $x\n",
		"templates/.github/workflows/a/b.yml": "x",
		"t/.github/workflows/broken.yml":      "on: {{ x }}\n\t",
	})
	want := []string{"OBS-4.w medium ci/after.sh:2:1", "OBS-4.w medium tools/deploy-web.sh:2:1", "OBS-4.w medium x/Makefile:2:3"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(report.Notes) != 3 || len(report.Unread) > 0 || report.Linted.Workflows != 2 {
		t.Errorf("notes %q, unread %v, linted %+v", report.Notes, report.Unread, report.Linted)
	}
}

func TestBrokenWorkflow(t *testing.T) {
	_, report := judge(t, map[string]string{ci: "on: push\njobs:\n  a: ${{ x }}\n b: c\n"})
	if len(report.Unread) != 1 || !strings.Contains(report.Unread[0].Cause, "GitHub refuses") {
		t.Errorf("unread: %v", report.Unread)
	}
}

// BenchmarkLint judges a workflow of 50 jobs with 20 steps each.
func BenchmarkLint(b *testing.B) {
	var text strings.Builder
	text.WriteString("on: push\npermissions: {}\njobs:\n")
	for i := range 50 {
		fmt.Fprintf(&text, "  job-%d:\n    runs-on: ubuntu-latest\n    steps:\n", i)
		for range 10 {
			text.WriteString("      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n")
			text.WriteString("      - run: |\n          set -euo pipefail\n          docker build -t \"app:${{ github.sha }}\" . && docker push \"app:${{ github.sha }}\"\n          kubectl apply -f deploy/ | tee log\n")
		}
	}
	files := map[string]string{ci: text.String()}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if found, _ := judge(b, files); len(found) > 0 {
			b.Fatal(found)
		}
	}
}
