package cache

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An entry is stored as a head of fixed length and one Zstandard stream. The head
// is a mark with the version of the form, the length of the plain content (8 bytes,
// big endian) and the SHA-256 of the key, a zero byte and that content: an entry
// that was stored under another key is as bad as one that was cut short.
const (
	mark     = "plimcac1"
	headSize = len(mark) + 8 + sha256.Size
	// window bounds what one entry makes the decoder remember, in bytes. The encoder
	// uses 8 MB at most (zstd.SpeedDefault).
	window = 32 << 20
)

// packedLimit bounds what is transferred for so many plain bytes: what cannot be
// compressed grows by less than a thousandth (RFC 8878, 3.1.1.2).
func packedLimit(plain int64) int64 { return plain + plain/128 + int64(headSize) + 1024 }

func hashOf(key Key) hash.Hash {
	sum := sha256.New()
	io.WriteString(sum, key.String()+"\x00") //nolint:errcheck // a hash takes everything
	return sum
}

// pack writes a head and what write gives, compressed.
func pack(to io.WriteSeeker, key Key, limit int64, write func(io.Writer) error) error {
	if _, err := to.Write(make([]byte, headSize)); err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	encoder, err := zstd.NewWriter(to)
	if err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	sum := hashOf(key)
	plain := &bounded{to: io.MultiWriter(sum, encoder), left: limit}
	if err := errors.Join(write(plain), encoder.Close()); err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	head := binary.BigEndian.AppendUint64([]byte(mark), uint64(limit-plain.left)) //nolint:gosec // bounded lets left fall to 0
	if _, err := to.Write(sum.Sum(head)); err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	return nil
}

var errDamaged = errors.New("it is damaged, or somebody else wrote it")

// unpacked is the plain content of an entry. It gives io.EOF only when it was whole
// and the one that was asked for: what was read before that may not be used yet.
type unpacked struct {
	ctx     context.Context
	decoder *zstd.Decoder
	sum     hash.Hash
	want    []byte
	left    int64
	closing func()
}

// unpack begins to read an entry.
func unpack(ctx context.Context, from io.Reader, key Key, limit int64, closing func()) (*unpacked, error) {
	head := make([]byte, headSize)
	if _, err := io.ReadFull(from, head); err != nil || string(head[:len(mark)]) != mark {
		return nil, errDamaged
	}
	size := binary.BigEndian.Uint64(head[len(mark):])
	if size > uint64(limit) { //nolint:gosec // limits are positive
		return nil, fmt.Errorf("it says that it is %d bytes long, and the limit is %d", size, limit)
	}
	decoder, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return &unpacked{
		ctx: ctx, decoder: decoder, sum: hashOf(key), want: head[len(mark)+8:],
		left: int64(size), closing: closing, //nolint:gosec // at most limit
	}, nil
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	n, err := u.decoder.Read(p)
	u.left -= int64(n)
	u.sum.Write(p[:n])
	switch {
	case u.left < 0, err != nil && !errors.Is(err, io.EOF):
		return 0, errDamaged
	case errors.Is(err, io.EOF) && (u.left != 0 || subtle.ConstantTimeCompare(u.sum.Sum(nil), u.want) == 0):
		return 0, errDamaged
	}
	return n, err
}

// Close implements io.Closer.
func (u *unpacked) Close() error {
	u.decoder.Close()
	u.closing()
	return nil
}

// bounded writes so many bytes and no more.
type bounded struct {
	to   io.Writer
	left int64
}

var errTooLong = errors.New("it is longer than the limit")

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errTooLong
	}
	n, err := b.to.Write(p)
	b.left -= int64(n)
	return n, err
}

// Bounded is a writer that fails with an error once more than limit bytes came, for
// stores that copy.
func Bounded(to io.Writer, limit int64) io.Writer { return &bounded{to: to, left: limit} }
