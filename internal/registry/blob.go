package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ReadBlob writes a blob to w as it comes. It fails with kind Mismatch when its
// size or digest is not the descriptor's; what w has then is of no use.
func (c *Client) ReadBlob(ctx context.Context, repo name.Repository, d v1.Descriptor, w io.Writer) error {
	a := act{doing: "reading the blob", target: repo.Digest(d.Digest.String()).String(), repo: repo, scope: transport.PullScope}
	body, err := c.openBlob(ctx, a, d)
	if err != nil {
		return err
	}
	defer body.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(body, d.Size+1))
	if err != nil {
		return classify(ctx, a, fmt.Errorf("after %d bytes: %w", n, err))
	}
	got := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	if n != d.Size || got != d.Digest {
		return differs(a, d, fmt.Sprintf("has %d bytes or more with the digest %s", n, got))
	}
	return nil
}

// WriteBlob sends a blob unless the repository has it. Open gives its bytes from
// the beginning, once for each try.
func (c *Client) WriteBlob(ctx context.Context, repo name.Repository, d v1.Descriptor, open func() (io.ReadCloser, error)) error {
	a := act{doing: "writing the blob", target: repo.Digest(d.Digest.String()).String(), repo: repo, scope: transport.PushScope}
	_, err := c.relay(ctx, a, a, &relay{
		desc: d, open: open, count: func(int64) {},
		differs: func(how string) error { return differs(a, d, how) },
	})
	return err
}
