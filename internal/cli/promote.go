package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/promote"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

func runPromote(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	if why := notPromoted(env); why != "" {
		return ExitUsage, &config.UsageError{Where: "promote", Err: errors.New(why)}
	}
	if len(operands) > 0 {
		cfg.Source = operands[0]
	}
	if len(operands) > 1 {
		cfg.Destination = operands[1:]
	}
	order, err := promote.NewOrder(cfg.Source, cfg.Destination, cfg.MutableTags)
	if err != nil {
		return ExitUsage, &config.UsageError{Where: "promote", Err: err}
	}
	if cfg.VerificationKey == "" {
		return ExitUsage, &config.UsageError{Where: "verification-key", Err: errors.New("only what is signed is promoted; name the public key that the source's signature is checked against")}
	}
	cfg.IfNothingFound = "ignore" // there is always something to judge
	// The command that gives the verdict again is one that writes nothing.
	r, err := newRunner(env, cfg, "promote", append([]string{"--dry-run"}, operands...)...)
	if err != nil {
		return ExitIndeterminate, err
	}
	defer r.close()
	verifier, err := r.verifier(nil)
	if err != nil {
		return ExitUsage, err
	}
	way := promotion{Promotion: promote.New(r.client, order), runner: r}
	gate := pipeline.Gate{Evidence: way.signature(verifier), Inspect: way.survey()}
	if cfg.DryRun {
		r.notes = append(r.notes, "dry run: nothing was written")
		return r.run(ctx, gate)
	}
	gate.Push, gate.Verify, gate.Tag = way.copy(), way.confirm(verifier), way.tag()
	return r.run(ctx, gate)
}

// notPromoted says why a run may not promote whatever the settings say, or "" when it
// may: what waits for a merge has nothing to run anywhere, and an event that never
// pushes does not push by another name.
func notPromoted(env *environment) string {
	const instead = "; promote from a push, a release or workflow_dispatch"
	switch env.event.Kind {
	case event.PullRequest, event.PullRequestTarget:
		return "a pull request promotes nothing" + instead
	case event.MergeGroup:
		return "a merge queue promotes nothing" + instead
	case event.None, event.Default, event.Branch, event.Release, event.Schedule:
	}
	if why := env.rules.NeverPushed; why != "" {
		return why + instead
	}
	return ""
}

// promotion makes stages of the steps of a promotion.
type promotion struct {
	*promote.Promotion
	runner *runner
}

// signature resolves the source and checks what lies beside it.
func (p promotion) signature(verifier sign.Verifier) pipeline.Stage {
	return pipeline.Stage{Name: "verify", Run: func(ctx context.Context, s *pipeline.State, _ progress.Sink) (string, error) {
		subject, digest, err := p.Resolve(ctx)
		if err != nil {
			return "", err
		}
		s.Checked = &subject
		if s.Evidence, err = verifier.Verify(ctx, digest); err != nil {
			return "", err
		}
		ok, reason := sign.Decide(s.Evidence)
		if !ok {
			s.Unverified = reason
		}
		return digest.DigestStr() + ", " + reason, nil
	}}
}

// survey looks at everything that will be read and written. A refusal is an
// answer, not a failure to look.
func (p promotion) survey() pipeline.Stage {
	unknown := func(s *pipeline.State) string {
		if s.Checked == nil {
			return "the source is not known"
		}
		return ""
	}
	return pipeline.Stage{Name: "destination", Skip: unknown, Run: func(ctx context.Context, s *pipeline.State, _ progress.Sink) (string, error) {
		found, err := p.Survey(ctx)
		for _, refusal := range found.Refused {
			s.Failures = append(s.Failures, policy.Failure{Stage: "destination", Message: refusal, Judged: true})
		}
		p.runner.notes = append(p.runner.notes, found.Notes...)
		return strings.Join(append(found.Tags, found.Cargo), "; "), err
	}}
}

func (p promotion) copy() pipeline.Stage {
	return pipeline.Stage{Name: "copy", Run: func(ctx context.Context, s *pipeline.State, sink progress.Sink) (string, error) {
		did, arrived, err := p.Copy(ctx, "copy", sink)
		s.Acting().Pushed = joined(arrived)
		return did, err
	}}
}

func (p promotion) confirm(verifier sign.Verifier) pipeline.Stage {
	return pipeline.Stage{Name: "confirm", Run: func(ctx context.Context, _ *pipeline.State, _ progress.Sink) (string, error) {
		return "the signature holds where it was copied to", p.Confirm(ctx, verifier)
	}}
}

func (p promotion) tag() pipeline.Stage {
	return pipeline.Stage{Name: "tag", Run: func(ctx context.Context, s *pipeline.State, sink progress.Sink) (string, error) {
		tagged, note, err := p.Tag(ctx)
		if note != "" {
			p.runner.notes = append(p.runner.notes, note)
			sink.Emit(progress.Event{Kind: progress.Notice, Stage: "tag", Text: note})
		}
		for _, tag := range tagged {
			s.Acting().Tags = append(s.Acting().Tags, tag.Name())
		}
		return strings.Join(s.Acting().Tags, " "), err
	}}
}

func joined(digests []name.Digest) string {
	words := make([]string, len(digests))
	for i, d := range digests {
		words[i] = d.String()
	}
	return strings.Join(words, " ")
}
