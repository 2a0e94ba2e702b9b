package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// The limits of what is kept of an image, in bytes of JSON: an inventory of 50,000
// packages takes about 25 MB.
const (
	inventoryLimit = 64 << 20
	publishedLimit = 64 << 10
)

// Recipe is how an image was made and looked at: two inventories of one recipe
// differ only in what the commit says.
type Recipe struct {
	Dockerfile, Target, Platform string
	Args                         map[string]string
	Options                      scan.Options
	// Analyzer is the version of who looked.
	Analyzer string
}

// name hides the values of build arguments, which may be telling.
func (r Recipe) name(commit string) string {
	texts := []string{r.Dockerfile, r.Target, r.Platform, r.Analyzer, fmt.Sprint(r.Options.Packages, r.Options.Secrets)}
	texts = append(texts, strconv.Itoa(len(r.Options.SkipDirs)))
	texts = append(texts, slices.Concat(r.Options.SkipDirs, r.Options.SkipFiles)...)
	for _, key := range slices.Sorted(maps.Keys(r.Args)) {
		texts = append(texts, key, r.Args[key])
	}
	return "inventory-v1-" + commit + "-" + short(texts...)
}

// Inventory is what was seen of an image, without the image.
type Inventory struct {
	Commit    string              `json:"commit"`
	Reference string              `json:"reference"`
	Digest    v1.Hash             `json:"digest"`
	ID        v1.Hash             `json:"id"`
	Platform  string              `json:"platform"`
	DiffIDs   []v1.Hash           `json:"diffIDs"` // of its layers, the lowest first
	Origins   []build.LayerOrigin `json:"origins,omitempty"`
	Analysis  scan.Analysis       `json:"analysis"`
}

// Image is the image as far as it is known: no layer can be read.
func (i Inventory) Image() image.Image {
	return image.Image{
		Digest: i.Digest, ID: i.ID, Platform: i.Platform, Reference: i.Reference,
		Config: &v1.ConfigFile{RootFS: v1.RootFS{Type: "layers", DiffIDs: i.DiffIDs}},
	}
}

// isCommit says whether text is a commit's id: 40 or 64 hexadecimal digits.
func isCommit(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == ""
}

// Inventory is what was seen of the image of a commit, nil when nobody kept it. It
// fails only when ctx ended.
func (c *Cache) Inventory(ctx context.Context, commit string, r Recipe) (*Inventory, error) {
	if !isCommit(commit) {
		return nil, nil //nolint:nilnil // there is none
	}
	var i Inventory
	ok, err := c.read(ctx, r.name(commit), false, inventoryLimit, &i, func() error {
		if i.Commit != commit || len(i.Analysis.Inventory.Detail) == 0 && r.Options.Packages {
			return errDamaged
		}
		return nil
	})
	if !ok {
		return nil, err
	}
	return &i, nil
}

// KeepInventory keeps what was seen of the image of a commit, where the event
// allows it.
func (c *Cache) KeepInventory(ctx context.Context, r Recipe, i Inventory) {
	if c == nil || !c.access.Inventories || !isCommit(i.Commit) {
		return
	}
	c.write(ctx, Key{Name: r.name(i.Commit)}, inventoryLimit, i)
}

// Published is what the default branch last pushed.
type Published struct {
	Image  string    `json:"image"` // its repository: "ghcr.io/acme/app"
	Digest v1.Hash   `json:"digest"`
	Commit string    `json:"commit"`
	At     time.Time `json:"at"`
}

func publishedName(repository string) string { return "published-v1-" + short(repository) }

// Published is what the default branch last pushed to a repository, nil when that
// is not known. It fails only when ctx ended.
func (c *Cache) Published(ctx context.Context, repository string) (*Published, error) {
	var p Published
	ok, err := c.read(ctx, publishedName(repository), true, publishedLimit, &p, func() error {
		if p.Image != repository || p.Digest.Algorithm != "sha256" || len(p.Digest.Hex) != 64 {
			return errDamaged
		}
		return nil
	})
	if !ok {
		return nil, err
	}
	return &p, nil
}

// KeepPublished says what was pushed, where the event allows it. The turn makes it
// follow what was said before; of two runs at once the later one counts.
func (c *Cache) KeepPublished(ctx context.Context, p Published) {
	if c == nil || !c.access.Published {
		return
	}
	turn := strconv.FormatInt(p.At.UnixMilli(), 10) + "-" + short(p.Digest.String(), p.Commit)[:8]
	c.write(ctx, Key{Name: publishedName(p.Image), Turn: turn}, publishedLimit, p)
}

func (c *Cache) write(ctx context.Context, key Key, limit int64, value any) {
	c.save(ctx, key, limit, func(w io.Writer) error { return json.NewEncoder(w).Encode(value) })
}

// read reads a JSON entry and checks it. It fails only when ctx ended.
func (c *Cache) read(ctx context.Context, name string, turns bool, limit int64, into any, check func() error) (bool, error) {
	key, content, err := c.open(ctx, name, turns, limit)
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err == nil {
		err = check()
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		c.failed(reading, spoiled(key, err))
		return false, nil
	}
	return true, nil
}
