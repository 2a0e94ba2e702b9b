// Package promote brings an image that was judged before to where it will run: it
// looks at the source's signature and at every destination, copies by digest with
// all evidence, verifies what arrived from the destination's own bytes, and moves
// the tags last. What it sees it reports; package policy decides.
//
// The steps are called in their order: Resolve, Survey, then after a pass Copy,
// Confirm, Tag. Only the last three write, and only Tag moves a tag of a person.
package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/replica"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Order is what goes where.
type Order struct {
	Source       name.Reference
	Destinations []name.Tag
	// Mutable are the tags that may move from one digest to another: names alone,
	// such as "production", compared exactly.
	Mutable []string
}

// NewOrder reads an order as it was typed. A reference without a tag means latest,
// as everywhere. Errors name what cannot be read and what to write instead.
func NewOrder(source string, destinations, mutable []string) (Order, error) {
	if source == "" {
		return Order{}, errors.New("there is no source; name the image to promote, best by digest: registry/repository@sha256:…")
	}
	if len(destinations) == 0 {
		return Order{}, errors.New("there is no destination; name where the image goes: registry/repository:tag")
	}
	o := Order{Mutable: mutable}
	var err error
	if o.Source, err = name.ParseReference(source); err != nil {
		return Order{}, fmt.Errorf("the source %q is not a reference: %w; write it as registry/repository@sha256:…", source, err)
	}
	for _, text := range destinations {
		if strings.Contains(text, "@") {
			return Order{}, fmt.Errorf("the destination %q names a digest; name the tag that will name the image there, its digest stays its own", text)
		}
		tag, err := name.NewTag(text)
		if err != nil {
			return Order{}, fmt.Errorf("the destination %q is not a reference: %w; write it as registry/repository:tag", text, err)
		}
		if !slices.ContainsFunc(o.Destinations, func(t name.Tag) bool { return t.Name() == tag.Name() }) {
			o.Destinations = append(o.Destinations, tag)
		}
	}
	for _, tag := range mutable {
		if _, err := name.NewTag("registry.invalid/repository:" + tag); err != nil || strings.ContainsAny(tag, "/:*") {
			return Order{}, fmt.Errorf("mutable-tags: %q is not the name of a tag; write it alone and whole, such as %q", tag, "production")
		}
	}
	return o, nil
}

// Promotion is an order under way. It is used by one goroutine.
type Promotion struct {
	client   *registry.Client
	order    Order
	digest   name.Digest // what the source named when it was resolved
	original *replica.Original
	now      map[string]v1.Hash // destinations as they were surveyed, by their names
}

// New begins a promotion. Nothing is asked yet.
func New(client *registry.Client, order Order) *Promotion {
	return &Promotion{client: client, order: order, now: map[string]v1.Hash{}}
}

// Resolve finds out which digest the source stands for. All that follows is about
// that digest, wherever the source's tag moves.
func (p *Promotion) Resolve(ctx context.Context) (verdict.Subject, name.Digest, error) {
	m, err := p.client.Manifest(ctx, p.order.Source)
	if err != nil {
		return verdict.Subject{}, name.Digest{}, err
	}
	p.digest = p.order.Source.Context().Digest(m.Digest.String())
	s := verdict.Subject{Digest: p.digest.DigestStr(), Kind: "manifest", Reference: p.digest.String(), Uninspected: true}
	if m.MediaType.IsIndex() {
		s.Kind = "index"
	}
	return s, p.digest, nil
}

// Survey is what a look at source and destinations found.
type Survey struct {
	// Cargo says in a few words what there is to copy.
	Cargo string
	// Tags says what will become of each destination: "ghcr.io/acme/app:1.2 is new".
	Tags []string
	// Refused says why this must not be done, one sentence each; empty when it may.
	Refused []string
	// Notes are what a reader should know.
	Notes []string
}

// Survey reads all that will be copied and looks at every destination. It writes
// nothing. An error means that something could not be looked at.
func (p *Promotion) Survey(ctx context.Context) (Survey, error) {
	var s Survey
	var err error
	if p.original, err = replica.Read(ctx, p.client, p.digest); err != nil {
		return s, err
	}
	s.Cargo, s.Notes = p.original.String(), p.original.Notes
	var errs []error
	for _, tag := range p.order.Destinations {
		will, refused, err := p.berth(ctx, tag)
		errs = append(errs, err)
		if will != "" {
			s.Tags = append(s.Tags, will)
		}
		if refused != "" {
			s.Refused = append(s.Refused, refused)
		}
	}
	for _, repo := range p.repositories() {
		var conflict *replica.ConflictError
		if err := p.original.Check(ctx, repo); errors.As(err, &conflict) {
			s.Refused = append(s.Refused, conflict.Error())
		} else {
			errs = append(errs, err)
		}
	}
	switch now, err := p.drift(ctx); {
	case err != nil:
		errs = append(errs, err)
	case now != "":
		s.Refused = append(s.Refused, now+"; name the source by the digest that is meant")
	}
	return s, errors.Join(errs...)
}

// berth looks at one destination.
func (p *Promotion) berth(ctx context.Context, tag name.Tag) (will, refused string, err error) {
	m, there, err := p.client.Lookup(ctx, tag)
	switch {
	case err != nil:
		return "", "", err
	case !there:
		p.now[tag.Name()] = v1.Hash{}
		return tag.Name() + " is new", "", nil
	}
	p.now[tag.Name()] = m.Digest
	switch {
	case m.Digest.String() == p.digest.DigestStr():
		return tag.Name() + " names it already", "", nil
	case slices.Contains(p.order.Mutable, tag.TagStr()):
		return tag.Name() + " moves from " + m.Digest.String(), "", nil
	}
	return "", fmt.Sprintf("the tag %s names %s already, and would name %s; promote to a new tag, or list %q in mutable-tags",
		tag.Name(), m.Digest, p.digest.DigestStr(), tag.TagStr()), nil
}

// drift says that the source's tag names another digest than when it was resolved.
func (p *Promotion) drift(ctx context.Context) (string, error) {
	tag, ok := p.order.Source.(name.Tag)
	if !ok {
		return "", nil
	}
	now, err := p.client.Resolve(ctx, tag)
	if err != nil || now == p.digest {
		return "", err
	}
	return fmt.Sprintf("the source %s moved: it named %s when this began and names %s now", tag.Name(), p.digest.DigestStr(), now.DigestStr()), nil
}

// repositories of the destinations, each once.
func (p *Promotion) repositories() []name.Repository {
	var all []name.Repository
	for _, tag := range p.order.Destinations {
		if !slices.ContainsFunc(all, func(r name.Repository) bool { return r.Name() == tag.Context().Name() }) {
			all = append(all, tag.Context())
		}
	}
	return all
}

// Copy copies to every destination, under digests only, and returns what it wrote
// in a few words and the digests that lie there now, also with an error.
func (p *Promotion) Copy(ctx context.Context, stage string, sink progress.Sink) (did string, arrived []name.Digest, err error) {
	var words []string
	for _, repo := range p.repositories() {
		record, err := p.original.Copy(ctx, repo, stage, sink)
		if err != nil {
			return strings.Join(words, "; "), arrived, err
		}
		arrived = append(arrived, repo.Digest(p.digest.DigestStr()))
		words = append(words, repo.Name()+": "+record.String())
	}
	return strings.Join(words, "; "), arrived, nil
}

// Confirm verifies the signature of what arrived, from what each destination holds.
func (p *Promotion) Confirm(ctx context.Context, verifier sign.Verifier) error {
	for _, repo := range p.repositories() {
		at := repo.Digest(p.digest.DigestStr())
		evidence, err := verifier.Verify(ctx, at)
		if err != nil {
			return err
		}
		if ok, reason := sign.Decide(evidence); !ok {
			return fmt.Errorf("verifying %s, which was just copied: %s", at, reason)
		}
	}
	return nil
}

// Tag moves the tags, after a look at all of them that none was moved since the
// survey. It returns the tags that name the digest now, also with an error, and a
// note when the source's own tag moved meanwhile.
func (p *Promotion) Tag(ctx context.Context) (tagged []name.Tag, note string, err error) {
	if note, err = p.drift(ctx); err != nil {
		return nil, "", err
	}
	if note != "" {
		note += "; what was verified is what was promoted"
	}
	for _, tag := range p.order.Destinations {
		m, there, err := p.client.Lookup(ctx, tag)
		switch {
		case err != nil:
			return nil, note, err
		case there && m.Digest.String() == p.digest.DigestStr(), m.Digest == p.now[tag.Name()]:
		case there:
			return nil, note, fmt.Errorf("the tag %s was moved to %s meanwhile; this run moved no tag, look who writes there and run again", tag.Name(), m.Digest)
		default:
			return nil, note, fmt.Errorf("the tag %s was deleted meanwhile; this run moved no tag, look who writes there and run again", tag.Name())
		}
	}
	for _, tag := range p.order.Destinations {
		if err := p.client.Retag(ctx, tag.Context().Digest(p.digest.DigestStr()), tag, p.now[tag.Name()]); err != nil {
			return tagged, note, err
		}
		tagged = append(tagged, tag)
	}
	return tagged, note, nil
}
