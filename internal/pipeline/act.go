package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// Target is one repository that the image goes to, with the tags that will name it.
type Target struct {
	Repository name.Repository
	Tags       []name.Tag
}

// Push sends the image by digest; no tag moves.
func Push(client *registry.Client, targets []Target) Stage {
	return Stage{Name: "push", Run: func(ctx context.Context, s *State, sink progress.Sink) (string, error) {
		acted, img := s.Acting(), s.Images[0]
		var pushed []string
		for _, target := range targets {
			digest, err := client.Push(ctx, img.Layout, img.Digest, target.Repository, "push", sink)
			if err != nil {
				return "", err
			}
			pushed = append(pushed, digest.String())
			acted.Pushed = strings.Join(pushed, " ")
		}
		return acted.Pushed, nil
	}}
}

// Sign signs the digest in each repository it was pushed to.
func Sign(signer sign.Signer, targets []Target, annotations map[string]string) Stage {
	return Stage{Name: "sign", Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		acted := s.Acting()
		var signed []string
		before := true
		for _, target := range targets {
			signature, err := signer.Sign(ctx, s.digestIn(target), annotations)
			if err != nil {
				return "", err
			}
			before = before && signature.Existed
			signed = append(signed, signature.Referrer)
			acted.Signed, acted.Key = strings.Join(signed, " "), signature.Key
		}
		if before {
			return "had been signed before, with the key " + acted.Key, nil
		}
		return "with the key " + acted.Key, nil
	}}
}

// Verify reads back what was signed and checks it as a consumer will.
func Verify(verifier sign.Verifier, targets []Target) Stage {
	return Stage{Name: "verify", Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		for _, target := range targets {
			evidence, err := verifier.Verify(ctx, s.digestIn(target))
			if err != nil {
				return "", err
			}
			s.Evidence = append(s.Evidence, evidence...)
			if ok, reason := sign.Decide(evidence); !ok {
				return "", fmt.Errorf("the signature that was just written does not verify: %s", reason)
			}
		}
		return printable.Count(len(s.Evidence), "signature"), nil
	}}
}

// Tag moves the tags, last of all.
func Tag(client *registry.Client, targets []Target) Stage {
	return Stage{Name: "tag", Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		acted := s.Acting()
		for _, target := range targets {
			for _, tag := range target.Tags {
				if err := client.Tag(ctx, s.digestIn(target), tag); err != nil {
					return "", err
				}
				acted.Tags = append(acted.Tags, tag.Name())
			}
		}
		return strings.Join(acted.Tags, " "), nil
	}}
}

func (s *State) digestIn(target Target) name.Digest {
	return target.Repository.Digest(s.Images[0].Digest.String())
}

// Targets sorts tags as they were typed by repository. A reference without a tag
// means latest, as everywhere. Errors name the reference.
func Targets(tags []string) ([]Target, error) {
	var targets []Target
	at := map[string]int{}
	for _, text := range tags {
		if strings.Contains(text, "@") {
			return nil, fmt.Errorf("%q names a digest; a tag says where the image goes, its digest is its own", text)
		}
		tag, err := name.NewTag(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a reference of the form registry/repository:tag: %w", text, err)
		}
		key := tag.Repository.Name()
		i, known := at[key]
		if !known {
			i = len(targets)
			at[key] = i
			targets = append(targets, Target{Repository: tag.Repository})
		}
		targets[i].Tags = append(targets[i].Tags, tag)
	}
	return targets, nil
}
