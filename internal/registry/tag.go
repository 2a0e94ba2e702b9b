package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Tag lets a tag name a digest that lies in the same repository, and reads it
// back. A tag that names it already is not written again. The error is of kind
// TagImmutable when the registry forbids moving the tag.
func (c *Client) Tag(ctx context.Context, digest name.Digest, tag name.Tag) error {
	return c.tag(ctx, digest, tag, nil)
}

// Retag is Tag for a tag that was looked at before: it is written only when it
// still names what it named then; the zero Hash is a tag that was not there. When
// it names something else that is an error of kind TagMoved. Registries write tags
// without a condition, so between this last look and the write some milliseconds
// remain.
func (c *Client) Retag(ctx context.Context, digest name.Digest, tag name.Tag, was v1.Hash) error {
	return c.tag(ctx, digest, tag, &was)
}

// tag is Tag, or with was Retag. What a registry forbids to read counts as absent
// only where nobody asked what was there.
func (c *Client) tag(ctx context.Context, digest name.Digest, tag name.Tag, was *v1.Hash) error {
	a := act{doing: "tagging", target: tag.String(), repo: tag.Context(), scope: transport.PushScope, tag: true}
	if digest.Context().Name() != tag.Context().Name() {
		return fmt.Errorf("tagging %s: %s lies in another repository", tag, digest)
	}
	m, err := c.manifest(ctx, a, digest)
	if err != nil {
		return err
	}
	now, err := c.manifest(ctx, a, tag)
	switch {
	case err == nil && now.Digest == m.Digest:
		return nil
	case err != nil && !IsNotFound(err) && (was != nil || !forbidden(err)):
		return err
	case was != nil && now.Digest != *was:
		return moved(a, *was, now.Digest)
	}
	if err := c.put(ctx, a, tag, m); err != nil {
		return err
	}
	if now, err = c.manifest(ctx, a, tag); err != nil {
		return err
	}
	if now.Digest != m.Digest {
		return mismatch(a, m.Digest.String(), now.Digest)
	}
	return nil
}

func moved(a act, was, now v1.Hash) error {
	named := func(h v1.Hash) string {
		if h == (v1.Hash{}) {
			return "nothing"
		}
		return h.String()
	}
	return &Error{
		Kind: TagMoved, Doing: a.doing, Target: a.target,
		Detail: fmt.Sprintf("it named %s when it was looked at and names %s now; another writer is at work, look what it did and run again", named(was), named(now)),
	}
}
