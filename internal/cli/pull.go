package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/report/github"
	"github.com/plimsoll-ci/plimsoll/internal/report/markdown"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// github makes the one client of a run; all it asks counts against one budget.
func (env *environment) github(token string) (*github.Client, error) {
	if env.asked != nil {
		return env.asked, nil
	}
	client, err := github.New(github.Options{
		API: env.getenv("GITHUB_API_URL"), GraphQL: env.getenv("GITHUB_GRAPHQL_URL"),
		Token: token, Version: env.deps.Version,
	})
	if err != nil {
		return nil, &config.UsageError{Where: "GITHUB_API_URL", Err: err}
	}
	env.asked = client
	return client, nil
}

// comment keeps the comment of the pull request up to date and returns its
// address. Where that is not possible the reason is said once, with what to do.
func (r *runner) comment(ctx context.Context, result *verdict.Result) string {
	mode := github.Mode(r.cfg.Comment)
	if ctx.Err() != nil || !r.env.rules.Comments || mode == github.Never || mode == "" || result.Run == nil || result.Run.Pull == 0 {
		return ""
	}
	client, err := r.env.github(r.cfg.GitHubToken)
	if err != nil {
		r.degrade(result, "comment", err)
		return ""
	}
	text := markdown.Comment(*result, markdown.CommentOptions{Report: r.reportPath("json")})
	ctx, stop := telling(ctx)
	defer stop()
	outcome := client.Comment(ctx, github.Plan{
		Event: r.env.event, Key: github.Key(*result.Run, r.command+" "+r.subject(), r.cfg.CommentKey),
		Body: text.Body, Short: text.Short,
		Create: mode.Creates(result.Verdict.Decision == verdict.Pass, text.Worth),
	})
	switch outcome.Action {
	case github.Refused:
		r.degrade(result, "comment", fmt.Errorf("not commented: %s", outcome.Reason))
		if outcome.Hint != "" {
			for _, line := range printable.Lines(outcome.Hint) {
				fmt.Fprintln(r.env.stderr, "  "+line)
			}
			r.hint(outcome)
		}
	case github.Superseded:
		fmt.Fprintf(r.env.stderr, "plimsoll: not commented: %s\n", outcome.Reason)
	case github.Created, github.Updated:
		fmt.Fprintf(r.env.stderr, "plimsoll: comment %s: %s\n", outcome.Action, outcome.URL)
	case github.Unchanged, github.Skipped:
	}
	return outcome.URL
}

// subject is what a leg of a matrix judges and the others do not, alike in all
// its runs: of a reference the repository, because its tag or digest is new in each.
func (r *runner) subject() string {
	named := cmp.Or(r.cfg.ImageRef, r.cfg.Input)
	switch {
	case r.built != nil:
		named = r.built.Dockerfile + "#" + r.built.Target
	case named == "" && len(r.operands) > 0:
		named = r.operands[0]
	}
	if ref, err := name.ParseReference(named); err == nil && (r.cfg.ImageRef != "" || r.command == "scan" || r.command == "verify") {
		named = ref.Context().Name()
	}
	return named + " " + r.cfg.Platform
}

// hint puts what to do into the job summary too, where people of a fork look.
func (r *runner) hint(outcome github.Outcome) {
	text := markdown.Note("No comment on the pull request: "+outcome.Reason, outcome.Hint)
	if err := r.env.runner.Summary([]byte(text)); err != nil {
		fmt.Fprintln(r.env.stderr, printableError(err))
	}
}
