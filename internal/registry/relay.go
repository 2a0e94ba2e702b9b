package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// relay is a blob on its way to a registry, as the library sends it: a layer whose
// compressed bytes are the blob's, checked while they go by.
type relay struct {
	desc    v1.Descriptor
	open    func() (io.ReadCloser, error)
	differs func(how string) error // what to say of a blob that is not what desc says
	count   func(int64)            // told of bytes as they go by, and of those of a failed try with a minus
	// passing is what goes by now; nil before anything does. What a try that failed
	// left behind may go on reading for a while.
	passing atomic.Pointer[relayed]
}

// begin forgets a try that failed.
func (r *relay) begin() {
	if old := r.passing.Swap(nil); old != nil {
		r.count(-old.sent.Load())
	}
}

// upload sends the layer, which is or holds the relay.
func (r *relay) upload(ctx context.Context, s *session, layer v1.Layer) error {
	r.begin()
	err := s.pusher.Upload(ctx, s.repo, layer)
	// The registry may have answered to a broken upload before the library saw why it
	// broke.
	if cause := r.cause(); cause != nil {
		return cause
	}
	return err
}

// sent is how many bytes went by.
func (r *relay) sent() int64 {
	if b := r.passing.Load(); b != nil {
		return b.sent.Load()
	}
	return 0
}

// cause is why the source gave no more; nil when that is not what failed.
func (r *relay) cause() error {
	if b := r.passing.Load(); b != nil {
		if cause := b.cause.Load(); cause != nil {
			return *cause
		}
	}
	return nil
}

func (r *relay) Digest() (v1.Hash, error)            { return r.desc.Digest, nil }
func (r *relay) Size() (int64, error)                { return r.desc.Size, nil }
func (r *relay) MediaType() (types.MediaType, error) { return r.desc.MediaType, nil }
func (r *relay) DiffID() (v1.Hash, error) {
	return v1.Hash{}, errors.New("a blob on its way has no diff id")
}

func (r *relay) Uncompressed() (io.ReadCloser, error) {
	return nil, errors.New("a blob on its way stays compressed")
}

// Compressed may be called again when the destination asks for credentials anew.
func (r *relay) Compressed() (io.ReadCloser, error) {
	r.begin()
	b := &relayed{relay: r, hash: sha256.New()}
	r.passing.Store(b)
	var err error
	if b.body, err = r.open(); err != nil {
		b.cause.Store(&err)
		return nil, err
	}
	return b, nil
}

// relayed reads a blob and gives its last bytes only when all of them are what
// they should be.
type relayed struct {
	relay *relay
	body  io.ReadCloser
	hash  hash.Hash
	size  int64
	sent  atomic.Int64
	cause atomic.Pointer[error]
}

// Close implements io.Closer.
func (b *relayed) Close() error { return b.body.Close() }

func (b *relayed) Read(buf []byte) (int, error) {
	n, err := b.body.Read(buf)
	b.hash.Write(buf[:n])
	b.size += int64(n)
	d := b.relay.desc
	ended := errors.Is(err, io.EOF)
	switch whole := b.size == d.Size; {
	case err != nil && !ended:
	case b.size > d.Size:
		err = b.relay.differs("has more bytes")
	case ended && !whole:
		err = b.relay.differs(fmt.Sprintf("has %d bytes", b.size))
	case whole && hex.EncodeToString(b.hash.Sum(nil)) != d.Digest.Hex:
		err = b.relay.differs(fmt.Sprintf("has the digest sha256:%x", b.hash.Sum(nil)))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.cause.Store(&err)
		return 0, err
	}
	if b.relay.passing.Load() == b {
		b.sent.Add(int64(n))
		b.relay.count(int64(n))
	}
	return n, err
}
