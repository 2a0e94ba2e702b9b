package registrytest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blobs holds each repository's own.
type blobs struct {
	mu   sync.Mutex
	held map[string][]byte // "repository@digest"
}

func keyOf(repo string, h v1.Hash) string {
	return strings.TrimSuffix(repo, "/blobs") + "@" + h.String() // uploads come with it
}

func (b *blobs) get(repo string, h v1.Hash) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.held[keyOf(repo, h)]
	if !ok {
		return nil, registry.ErrNotFound
	}
	return data, nil
}

func (b *blobs) set(repo string, h v1.Hash, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[keyOf(repo, h)] = data
}

// Damage changes a byte of a blob that a repository holds, as a disk does. It needs
// Options.OwnBlobs.
func (s *Server) Damage(repository string, digest v1.Hash) {
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	key := keyOf(repository, digest)
	data := bytes.Clone(s.blobs.held[key])
	data[len(data)/2] ^= 1
	s.blobs.held[key] = data
}

// Get implements registry.BlobHandler.
func (b *blobs) Get(_ context.Context, repo string, h v1.Hash) (io.ReadCloser, error) {
	data, err := b.get(repo, h)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Stat implements registry.BlobStatHandler.
func (b *blobs) Stat(_ context.Context, repo string, h v1.Hash) (int64, error) {
	data, err := b.get(repo, h)
	return int64(len(data)), err
}

// Put implements registry.BlobPutHandler.
func (b *blobs) Put(_ context.Context, repo string, h v1.Hash, rc io.ReadCloser) error {
	data, err := io.ReadAll(rc)
	if err != nil {
		return err
	}
	b.set(repo, h, data)
	return nil
}

// mount answers a request to take a blob from another repository (distribution
// specification 1.1, "Mounting a blob from another repository"), and is false when
// it is none or there is nothing to mount: the client then sends it.
func (s *Server) mount(w http.ResponseWriter, r *http.Request) bool {
	repo, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/uploads/")
	query := r.URL.Query()
	if !ok || r.Method != http.MethodPost || s.blobs == nil || s.options.NoMount || query.Get("mount") == "" {
		return false
	}
	from := query.Get("from")
	if s.options.Scoped && !strings.Contains(r.Header.Get("Authorization"), "repository:"+from+":pull") {
		return false
	}
	digest, err := v1.NewHash(query.Get("mount"))
	if err != nil {
		return false
	}
	data, err := s.blobs.get(from, digest)
	if err != nil {
		return false
	}
	s.blobs.set(repo, digest, data)
	w.Header().Set("Location", "/v2/"+repo+"/blobs/"+digest.String())
	w.WriteHeader(http.StatusCreated)
	return true
}
