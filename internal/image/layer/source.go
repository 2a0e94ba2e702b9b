package layer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// budget is what is left of the limits, over all layers.
type budget struct {
	limits  Limits
	bytes   int64
	entries int
}

func newBudget(limits Limits) *budget { return &budget{limits: limits} }

func (b *budget) entry() error {
	b.entries++
	if b.limits.Entries > 0 && b.entries > b.limits.Entries {
		return &LimitError{What: "entries", Limit: int64(b.limits.Entries)}
	}
	return nil
}

// take counts n bytes of a tar, of which the layer at hand has given out total
// so far from packed bytes of its blob.
func (b *budget) take(n, total, packed int64) error {
	b.bytes += n
	if b.limits.Bytes > 0 && b.bytes > b.limits.Bytes {
		return &LimitError{What: "bytes after inflating", Limit: b.limits.Bytes}
	}
	if b.limits.Ratio > 0 && total > b.limits.RatioFree && total/max(packed, 1) > b.limits.Ratio {
		return &LimitError{What: "bytes from one byte of the layer", Limit: b.limits.Ratio}
	}
	return nil
}

// source is the tar of a layer while it is read.
type source struct {
	layer Layer
	tar   io.Reader // what archive/tar reads; an io.Seeker where the layer can seek
	file  *os.File  // the layer itself where it can seek

	blob     *digester // nil where the layer can seek
	plain    *digester
	inflater io.Closer
	hashed   chan error // the digest of a layer that can seek, once
	cancel   context.CancelFunc
}

// zstdWindow bounds the memory of inflating: zstd's own command refuses more
// than 128 MiB unless it is told otherwise.
const zstdWindow = 128 << 20

// newSource looks at how a layer is packed, by its first bytes as container
// runtimes do and not by its media type.
func newSource(ctx context.Context, blob io.Reader, at Layer, left *budget) (*source, error) {
	s := &source{layer: at}
	if f, ok := blob.(*os.File); ok {
		head := make([]byte, 6)
		n, err := f.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if packing(head[:n]) == "tar" {
			return s, s.seek(ctx, f, left)
		}
	}
	s.blob = &digester{r: blob, hash: sha256.New(), ctx: ctx}
	buffered := bufio.NewReaderSize(s.blob, 1<<18)
	head, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var inflated io.Reader = buffered
	switch kind := packing(head); kind {
	case "gzip":
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("inflating gzip: %w", err)
		}
		inflated, s.inflater = z, z
	case "zstd":
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("inflating zstd: %w", err)
		}
		inflated, s.inflater = z, closer(z.Close)
	case "tar":
	default:
		return nil, fmt.Errorf("it is packed with %s; only gzip, zstd and no packing can be read", kind)
	}
	s.plain = &digester{r: inflated, hash: sha256.New(), ctx: ctx, count: func(n, total int64) error {
		return left.take(n, total, s.blob.total)
	}}
	s.tar = s.plain
	return s, nil
}

// closer makes a function an io.Closer.
type closer func()

func (c closer) Close() error { c(); return nil }

// packing names how bytes that begin like head are packed.
func packing(head []byte) string {
	begins := func(magic string) bool { return len(head) >= len(magic) && string(head[:len(magic)]) == magic }
	switch {
	case begins("\x1f\x8b"):
		return "gzip"
	case begins("\x28\xb5\x2f\xfd"):
		return "zstd"
	case len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18":
		return "zstd" // a frame to skip comes first
	case begins("BZh"):
		return "bzip2"
	case begins("\xfd7zXZ\x00"):
		return "xz"
	}
	return "tar"
}

// seek reads a layer that lies uncompressed: its tar by seeking, its digest in
// another goroutine through another descriptor of the same file.
func (s *source) seek(ctx context.Context, f *os.File, left *budget) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := left.take(info.Size(), info.Size(), info.Size()); err != nil {
		return err
	}
	s.tar, s.file = f, f
	s.hashed = make(chan error, 1)
	ctx, s.cancel = context.WithCancel(ctx)
	s.plain = &digester{r: io.NewSectionReader(f, 0, info.Size()), hash: sha256.New(), ctx: ctx}
	go func() {
		s.hashed <- s.plain.drain()
		close(s.hashed)
	}()
	return nil
}

// cause prefers the error the stream stopped with to what archive/tar made of it.
func (s *source) cause(err error) error {
	for _, d := range []*digester{s.blob, s.plain} {
		if d != nil && s.file == nil && d.err != nil && !errors.Is(d.err, io.EOF) {
			return d.err
		}
	}
	return err
}

// finish reads the rest and compares both digests. A tar may be followed by
// padding, and a blob by more than its packed stream: both are hashed.
func (s *source) finish() error {
	if s.hashed != nil {
		if err := <-s.hashed; err != nil {
			return err
		}
		if err := s.compare("the layer", s.plain, s.layer.Digest, s.layer.Size); err != nil {
			return err
		}
		return s.compare("the layer, unpacked,", s.plain, s.layer.DiffID, -1)
	}
	if err := s.plain.drain(); err != nil {
		return err
	}
	if err := s.blob.drain(); err != nil {
		return err
	}
	if err := s.compare("the layer", s.blob, s.layer.Digest, s.layer.Size); err != nil {
		return err
	}
	return s.compare("the layer, unpacked,", s.plain, s.layer.DiffID, -1)
}

func (s *source) compare(what string, d *digester, want v1.Hash, size int64) error {
	if size >= 0 && d.total != size {
		return fmt.Errorf("%s has %d bytes and the manifest says %d; the image is damaged", what, d.total, size)
	}
	if got := hex.EncodeToString(d.hash.Sum(nil)); want.Algorithm != "sha256" || got != want.Hex {
		return fmt.Errorf("%s is sha256:%s and should be %s; the image is damaged", what, got, want)
	}
	return nil
}

func (s *source) close() {
	if s.cancel != nil {
		s.cancel()
		<-s.hashed //nolint:errcheck // either it was compared, or the walk failed already
	}
	if s.inflater != nil {
		_ = s.inflater.Close() // everything was read and compared
	}
}

// digester hashes and counts what is read through it.
type digester struct {
	r     io.Reader
	hash  hash.Hash
	total int64
	ctx   context.Context // reading ends with it
	count func(n, total int64) error
	err   error
}

func (d *digester) Read(p []byte) (int, error) {
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := d.r.Read(p)
	if n > 0 {
		d.hash.Write(p[:n])
		d.total += int64(n)
		if d.count != nil {
			if limit := d.count(int64(n), d.total); limit != nil {
				err = limit
			}
		}
	}
	if err != nil {
		d.err = err
	}
	return n, err
}

// drain reads to the end.
func (d *digester) drain() error {
	buffer := make([]byte, 1<<18)
	for {
		if _, err := d.Read(buffer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
