package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// An entry in a registry is an OCI artifact (OCI image specification 1.1,
// "Guidelines for Artifact Usage") with one layer, under a tag that is its name.
// The turn stands in an annotation, and the tag moves to the newest.
const (
	artifactType = "application/vnd.plimsoll.cache.v1"
	entryType    = "application/vnd.plimsoll.cache.entry.v1"
	emptyType    = "application/vnd.oci.empty.v1+json"
	turnLabel    = "io.plimsoll.cache.turn"
)

// InRegistry is the store in a repository of a registry. Old turns stay there
// without a tag until the registry collects them. Writes says that the credentials
// may write: they are then asked for once, and a repository that does not exist yet
// is an empty one.
func InRegistry(client *registry.Client, repository name.Repository, writes bool) Store {
	return &shelf{client: client, repository: repository, writes: writes}
}

type shelf struct {
	client     *registry.Client
	repository name.Repository
	writes     bool
}

// String implements Store.
func (s *shelf) String() string { return s.repository.Name() }

// Get implements Store.
func (s *shelf) Get(ctx context.Context, named string, turns bool, w io.Writer, limit int64) (Key, error) {
	key, layer, err := s.look(ctx, Key{Name: named})
	if err != nil {
		return Key{}, err
	}
	if turns != (key.Turn != "") {
		return Key{}, ErrAbsent
	}
	if layer.Size > limit {
		return Key{}, fmt.Errorf("the entry %q is %d bytes long, and the limit is %d", key, layer.Size, limit)
	}
	return key, s.client.ReadBlob(ctx, s.repository, layer, w)
}

// look reads what lies under the tag of a name.
func (s *shelf) look(ctx context.Context, key Key) (Key, v1.Descriptor, error) {
	m, err := s.manifest(ctx, s.repository.Tag(key.Name))
	if err != nil {
		return Key{}, v1.Descriptor{}, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
	if err != nil || manifest.ArtifactType != artifactType || len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != entryType {
		return Key{}, v1.Descriptor{}, fmt.Errorf("%s:%s is no entry of a cache; give the cache a repository of its own", s.repository, key.Name)
	}
	key.Turn = manifest.Annotations[turnLabel]
	return key, manifest.Layers[0], nil
}

func (s *shelf) manifest(ctx context.Context, tag name.Tag) (registry.Manifest, error) {
	if s.writes {
		m, ok, err := s.client.Lookup(ctx, tag)
		if err == nil && !ok {
			err = ErrAbsent
		}
		return m, err
	}
	m, err := s.client.Manifest(ctx, tag)
	if registry.IsNotFound(err) {
		err = ErrAbsent
	}
	return m, err
}

// Put implements Store.
func (s *shelf) Put(ctx context.Context, key Key, content Content) error {
	there, _, err := s.look(ctx, key)
	switch {
	case err == nil && there == key:
		return nil
	case err != nil && !errors.Is(err, ErrAbsent):
		return err
	}
	layer, err := s.upload(ctx, entryType, content)
	if err != nil {
		return err
	}
	config, err := s.upload(ctx, emptyType, bytes.NewReader([]byte("{}")))
	if err != nil {
		return err
	}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifactType,
		Config: config, Layers: []v1.Descriptor{layer},
	}
	if key.Turn != "" {
		manifest.Annotations = map[string]string{turnLabel: key.Turn}
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return fmt.Errorf("writing the manifest of an entry: %w", err)
	}
	m := registry.Manifest{Bytes: raw, MediaType: types.OCIManifestSchema1}
	if m.Digest, _, err = v1.SHA256(bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("hashing the manifest of an entry: %w", err)
	}
	if err := s.client.Put(ctx, s.repository, m); err != nil {
		return err
	}
	return s.client.Tag(ctx, s.repository.Digest(m.Digest.String()), s.repository.Tag(key.Name))
}

func (s *shelf) upload(ctx context.Context, mediaType types.MediaType, content Content) (v1.Descriptor, error) {
	open := func() io.Reader { return io.NewSectionReader(content, 0, content.Size()) }
	sum := sha256.New()
	if _, err := io.Copy(sum, open()); err != nil {
		return v1.Descriptor{}, fmt.Errorf("hashing an entry: %w", err)
	}
	d := v1.Descriptor{
		MediaType: mediaType, Size: content.Size(),
		Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))},
	}
	return d, s.client.WriteBlob(ctx, s.repository, d, func() (io.ReadCloser, error) { return io.NopCloser(open()), nil })
}
