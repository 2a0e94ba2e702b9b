package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Lookup says whether a repository that will be written to holds a manifest under
// a tag or digest. A registry that answers 403, as some do for a repository that
// does not exist yet, counts as one that does not hold it.
func (c *Client) Lookup(ctx context.Context, ref name.Reference) (Manifest, bool, error) {
	a := act{doing: "looking up", target: ref.String(), repo: ref.Context(), scope: transport.PushScope}
	m, err := c.manifest(ctx, a, ref)
	if IsNotFound(err) || forbidden(err) {
		return Manifest{}, false, nil
	}
	return m, err == nil, err
}

// Put writes a manifest under its digest, byte for byte, and reads it back. What
// it names must lie in the repository.
func (c *Client) Put(ctx context.Context, repo name.Repository, m Manifest) error {
	ref := repo.Digest(m.Digest.String())
	a := act{doing: "copying the manifest to", target: ref.String(), repo: repo, scope: transport.PushScope}
	if err := c.put(ctx, a, ref, m); err != nil {
		return err
	}
	_, err := c.manifest(ctx, a, ref)
	return err
}

// PutReferrer is Put for a manifest that refers to subject. It also checks that
// the registry lists it, and keeps the list under the fallback tag where the
// registry has no referrers API.
func (c *Client) PutReferrer(ctx context.Context, subject name.Digest, m Manifest) error {
	c.referring.Lock()
	defer c.referring.Unlock()
	a := act{doing: "copying a referrer of", target: subject.String(), repo: subject.Context(), scope: transport.PushScope}
	ref, err := c.refer(ctx, a, subject, m)
	if err != nil {
		return err
	}
	_, err = c.manifest(ctx, a, ref)
	return err
}

// Passage is how a blob came to a repository.
type Passage int

// The passages.
const (
	Existed  Passage = iota // it was there
	Mounted                 // the registry took it from its other repository
	Streamed                // its bytes went through here
)

// CopyBlob brings the blob that d describes from one repository to another: not at
// all when it is there, by mounting it where both lie in one registry, else by
// streaming it. Digest and size are checked while it goes by, and of a blob that
// differs the registry never sees the end; the error is of kind Mismatch. An error
// names the side that failed.
//
// count, when not nil, is told of bytes as they go by, of a try that failed with a
// minus, and of the rest when the blob did not need to go by. It may be called by
// several goroutines.
func (c *Client) CopyBlob(ctx context.Context, from, to name.Repository, d v1.Descriptor, count func(int64)) (Passage, error) {
	if count == nil {
		count = func(int64) {}
	}
	source := act{doing: "copying a blob from", target: from.Digest(d.Digest.String()).String(), repo: from, scope: transport.PullScope}
	r := &relay{desc: d, count: count}
	r.differs = func(how string) error { return differs(source, d, how) }
	r.open = func() (io.ReadCloser, error) { return c.openBlob(ctx, source, d) }
	a := act{doing: "copying a blob to", target: to.Digest(d.Digest.String()).String(), repo: to, scope: transport.PushScope}
	mounting := from.RegistryStr() == to.RegistryStr()
	if mounting {
		a.also = from.Scope(transport.PullScope)
	}
	existed, err := c.relay(ctx, a, source, r)
	if mounting && isKind(err, Unauthorized) {
		// A token server may refuse both rights in one token where it grants each.
		a.also = ""
		existed, err = c.relay(ctx, a, source, r)
	}
	if err != nil {
		return 0, err
	}
	count(d.Size - r.sent())
	switch {
	case existed:
		return Existed, nil
	case r.passing.Load() == nil:
		return Mounted, nil
	}
	return Streamed, nil
}

// relay sends the blob unless it is there, mounting it where the act asks for the
// right to.
func (c *Client) relay(ctx context.Context, a, source act, r *relay) (existed bool, err error) {
	err = c.try(ctx, a, func(s *session) error {
		r.begin()
		resp, err := s.blob(ctx, http.MethodHead, r.desc.Digest)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if existed = resp.StatusCode == http.StatusOK; existed {
			return nil
		}
		if err := transport.CheckError(resp, http.StatusNotFound); err != nil {
			return err
		}
		var layer v1.Layer = r
		if a.also != "" {
			layer = &remote.MountableLayer{Layer: r, Reference: source.repo.Digest(r.desc.Digest.String())}
		}
		return r.upload(ctx, s, layer)
	})
	if cause := r.cause(); err != nil && cause != nil {
		return false, classify(ctx, source, cause)
	}
	return existed, err
}

// openBlob begins to read a blob.
func (c *Client) openBlob(ctx context.Context, a act, d v1.Descriptor) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := c.try(ctx, a, func(s *session) error {
		resp, err := s.blob(ctx, http.MethodGet, d.Digest)
		if err != nil {
			return err
		}
		if err := transport.CheckError(resp, http.StatusOK); err != nil {
			resp.Body.Close()
			return err
		}
		if resp.ContentLength >= 0 && resp.ContentLength != d.Size {
			resp.Body.Close()
			return differs(a, d, fmt.Sprintf("has %d bytes", resp.ContentLength))
		}
		body = resp.Body
		return nil
	})
	return body, err
}

// blob asks for a blob. The library's reader would hash it a second time.
func (s *session) blob(ctx context.Context, method string, digest v1.Hash) (*http.Response, error) {
	at := &url.URL{Scheme: s.repo.Scheme(), Host: s.repo.RegistryStr(), Path: fmt.Sprintf("/v2/%s/blobs/%s", s.repo.RepositoryStr(), digest)}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	return s.client.Do(req)
}

func differs(a act, d v1.Descriptor, how string) error {
	return &Error{
		Kind: Mismatch, Doing: a.doing, Target: a.target,
		Detail: fmt.Sprintf("what lies there %s, and its manifest says %d bytes with the digest %s; the registry or something in between changed it", how, d.Size, d.Digest),
	}
}
