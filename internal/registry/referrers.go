package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ReferrersLimit is how many referrers of one digest are listed. More is an
// error, because a list cut short could hide the one that counts.
const ReferrersLimit = 1000

// pageLimit bounds one page of the list in bytes: a descriptor of 16 KiB each.
const pageLimit = 16 << 20

// emptyType is the media type of a config that says nothing, whose content is "{}"
// (OCI image specification 1.1, "Guidance for an Empty Descriptor").
const emptyType = "application/vnd.oci.empty.v1+json"

// Referrers lists everything that refers to a digest, whatever its type: from the
// referrers API, page by page, or where the registry has none from the fallback
// tag. The descriptors are claims: what a referrer is, its own manifest says
// (registries without the API copy the wrong type into the list).
func (c *Client) Referrers(ctx context.Context, digest name.Digest) ([]v1.Descriptor, error) {
	a := act{doing: "listing the referrers of", target: digest.String(), repo: digest.Context(), scope: transport.PullScope}
	list, supported, err := c.fromAPI(ctx, a, digest)
	if err == nil && !supported {
		list, err = c.fromTag(ctx, a, digest)
	}
	if err != nil {
		return nil, err
	}
	if len(list) > ReferrersLimit {
		return nil, tooMany(a)
	}
	return list, nil
}

func tooMany(a act) error {
	return &Error{
		Kind: TooLarge, Doing: a.doing, Target: a.target,
		Detail: fmt.Sprintf("there are more than %d; delete those that are not needed", ReferrersLimit),
	}
}

// fromAPI is false when the registry has no referrers API.
func (c *Client) fromAPI(ctx context.Context, a act, digest name.Digest) ([]v1.Descriptor, bool, error) {
	var list []v1.Descriptor
	page := &url.URL{Path: fmt.Sprintf("/v2/%s/referrers/%s", digest.Context().RepositoryStr(), digest.DigestStr())}
	visited := make(map[string]bool)
	for page != nil {
		visited[page.String()] = true
		var index *v1.IndexManifest
		var next *url.URL
		err := c.try(ctx, a, func(s *session) error {
			var err error
			index, next, err = s.referrersPage(ctx, page)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		if index == nil {
			return nil, false, nil
		}
		list = append(list, index.Manifests...)
		if len(list) > ReferrersLimit {
			return nil, true, tooMany(a)
		}
		if next != nil && visited[next.String()] {
			return nil, true, &Error{Doing: a.doing, Target: a.target, Detail: "the registry's list goes round in circles"}
		}
		page = next
	}
	return unique(list), true, nil
}

// unique drops repeated digests; pages may overlap.
func unique(list []v1.Descriptor) []v1.Descriptor {
	seen := make(map[v1.Hash]bool, len(list))
	return slices.DeleteFunc(list, func(d v1.Descriptor) bool {
		again := seen[d.Digest]
		seen[d.Digest] = true
		return again
	})
}

// referrersPage reads one page and the address of the next, which is nil after
// the last. It is all nil when the registry has no such API. The library's own
// lister reads the first page only.
func (s *session) referrersPage(ctx context.Context, page *url.URL) (*v1.IndexManifest, *url.URL, error) {
	base := &url.URL{Scheme: s.repo.Scheme(), Host: s.repo.RegistryStr()}
	at := base.ResolveReference(page)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", string(types.OCIImageIndex))
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return nil, nil, nil
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return nil, nil, err
	}
	if mt, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mt != string(types.OCIImageIndex) {
		return nil, nil, nil // some answer unknown paths with a page for people
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit+1))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > pageLimit {
		return nil, nil, fmt.Errorf("a page of the list is larger than %d bytes", pageLimit)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, nil, fmt.Errorf("the list cannot be read: %w", err)
	}
	next, err := nextPage(resp.Header.Values("Link"))
	if err != nil || next == nil {
		return index, nil, err
	}
	next = at.ResolveReference(next)
	if next.Host != at.Host {
		return nil, nil, fmt.Errorf("the list goes on at another host, %q", next.Host)
	}
	return index, &url.URL{Path: next.Path, RawPath: next.RawPath, RawQuery: next.RawQuery}, nil
}

// nextPage finds rel="next" in Link headers (RFC 8288, as the distribution
// specification uses it).
func nextPage(links []string) (*url.URL, error) {
	for _, link := range links {
		target, parameters, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(parameters, `"`, ""), "rel=next") {
			continue
		}
		next, err := url.Parse(target)
		if err != nil {
			return nil, fmt.Errorf("the address of the list's next page cannot be read: %w", err)
		}
		return next, nil
	}
	return nil, nil
}

func fallbackTag(digest name.Digest) name.Tag {
	return digest.Context().Tag(strings.Replace(digest.DigestStr(), ":", "-", 1))
}

func (c *Client) fromTag(ctx context.Context, a act, digest name.Digest) ([]v1.Descriptor, error) {
	m, err := c.manifest(ctx, a, fallbackTag(digest))
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(m.Bytes))
	if err != nil || !m.MediaType.IsIndex() {
		return nil, &Error{
			Doing: a.doing, Target: a.target, Err: err,
			Detail: fmt.Sprintf("the tag %q, which should list them, is not an index; delete it or push what it names under another tag", fallbackTag(digest).TagStr()),
		}
	}
	return unique(index.Manifests), nil
}

// Artifact is something to store beside an image.
type Artifact struct {
	Type        string // artifactType of its manifest
	MediaType   string // of its only layer
	Data        []byte
	Annotations map[string]string
}

// Refer stores an artifact as a referrer of a digest, which must lie in the
// registry: blobs, then manifest, then where the registry has no referrers API
// the list under the fallback tag. At the end it checks that the list names it.
func (c *Client) Refer(ctx context.Context, subject name.Digest, artifact Artifact) (name.Digest, error) {
	c.referring.Lock()
	defer c.referring.Unlock()
	a := act{doing: "writing a referrer of", target: subject.String(), repo: subject.Context(), scope: transport.PushScope}
	of, err := c.manifest(ctx, a, subject)
	if err != nil {
		return name.Digest{}, err
	}
	layers := []v1.Layer{
		static.NewLayer([]byte("{}"), emptyType),
		static.NewLayer(artifact.Data, types.MediaType(artifact.MediaType)),
	}
	descriptors := make([]v1.Descriptor, len(layers))
	for i, layer := range layers {
		if descriptors[i], err = describe(layer); err != nil {
			return name.Digest{}, err
		}
		if err := c.try(ctx, a, func(s *session) error { return s.pusher.Upload(ctx, s.repo, layer) }); err != nil {
			return name.Digest{}, err
		}
	}
	raw, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  artifact.Type,
		Config:        descriptors[0],
		Layers:        descriptors[1:],
		Subject:       &v1.Descriptor{MediaType: of.MediaType, Digest: of.Digest, Size: int64(len(of.Bytes))},
		Annotations:   artifact.Annotations,
	})
	if err != nil {
		return name.Digest{}, fmt.Errorf("writing the referrer's manifest: %w", err)
	}
	m := Manifest{Bytes: raw, MediaType: types.OCIManifestSchema1}
	if m.Digest, _, err = v1.SHA256(bytes.NewReader(raw)); err != nil {
		return name.Digest{}, fmt.Errorf("hashing the referrer's manifest: %w", err)
	}
	return c.refer(ctx, a, subject, m)
}

// refer puts the manifest and looks whether it is listed. Another writer may have
// written the fallback list at the same time, so it tries once more.
func (c *Client) refer(ctx context.Context, a act, subject name.Digest, m Manifest) (name.Digest, error) {
	ref := subject.Context().Digest(m.Digest.String())
	for range 2 {
		if err := c.put(ctx, a, ref, m); err != nil {
			var answer *transport.Error
			if errors.As(err, &answer) && strings.Contains(strings.ToLower(says(answer)), "immutab") {
				return name.Digest{}, &Error{
					Kind: TagImmutable, Doing: a.doing, Target: a.target, Err: err,
					Detail: fmt.Sprintf("the registry has no referrers API and does not let the list %q change; except tags named sha256-* from its immutability rule", fallbackTag(subject).TagStr()),
				}
			}
			return name.Digest{}, err
		}
		list, err := c.Referrers(ctx, subject)
		if err != nil {
			return name.Digest{}, err
		}
		if slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest == m.Digest }) {
			return ref, nil
		}
	}
	return name.Digest{}, &Error{
		Doing: a.doing, Target: a.target,
		Detail: fmt.Sprintf("it was written as %s but the registry does not list it; another writer may be at work, try again", m.Digest),
	}
}

func describe(layer v1.Layer) (v1.Descriptor, error) {
	digest, err := layer.Digest()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("hashing a blob: %w", err)
	}
	size, err := layer.Size()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("measuring a blob: %w", err)
	}
	mediaType, err := layer.MediaType()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("naming a blob's type: %w", err)
	}
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}, nil
}
