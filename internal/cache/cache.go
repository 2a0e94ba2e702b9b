// Package cache keeps what a machine that is thrown away has learned for the next
// one: the vulnerability database, inventories of images, and where the layers of
// builds are kept. A [Store] holds bytes; [Cache] packs them, bounds them, checks
// them on their way back, and never lets a run fail because of them.
//
// A cache is not trusted. Its hash says that an entry is whole and is the one that
// was asked for, and nothing about who wrote it: whoever may write to the store may
// write anything. So nothing that is kept decides more than what a run on the
// events named in [For] could have seen by itself, and every reader checks what it
// takes.
package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Key names an entry. Entries of one Name with different turns follow each other:
// the newest is the one that is read. Without a Turn there is one, and it never
// changes. Both are made of letters, digits, "-" and "_", and are together at most
// MaxKey long.
type Key struct{ Name, Turn string }

// MaxKey is the length of a registry's tag (OCI distribution specification 1.1,
// "Pulling manifests"); GitHub's cache takes 512 (actions/toolkit, checkKey).
const MaxKey = 128

// String is the key as one word, and the beginning of all turns without one.
func (k Key) String() string {
	if k.Turn == "" {
		return k.Name
	}
	return k.Name + "." + k.Turn
}

func (k Key) valid() bool {
	word := k.String()
	if k.Name == "" || len(word) > MaxKey {
		return false
	}
	for i, c := range word {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || c != '-' && c != '_' && i != len(k.Name)) {
			return false
		}
	}
	return k.Turn == "" || !strings.HasSuffix(word, ".")
}

// Content is what is stored. *bytes.Reader and *io.SectionReader are some.
type Content interface {
	io.ReaderAt
	Size() int64
}

// ErrAbsent says that the store has no such entry.
var ErrAbsent = errors.New("the cache has no such entry")

// Store keeps entries. Implementations are safe for concurrent use.
type Store interface {
	// Get writes an entry to w, at most limit bytes of it, and returns its key: that of
	// the newest turn when turns is true, else exactly the one that is named. It
	// returns ErrAbsent when there is none.
	Get(ctx context.Context, name string, turns bool, w io.Writer, limit int64) (Key, error)
	// Put stores an entry. An entry with this key that is there already stays, and
	// that is no error: two runs have said the same.
	Put(ctx context.Context, key Key, content Content) error
	// String names the store for people: "GitHub's cache".
	String() string
}

// The longest that one entry may keep a run waiting. A database of 90 MB packed
// comes through in 30 s at 3 MB/s; whoever is slower fetches it from where it comes
// from.
const (
	readTime  = 30 * time.Second
	writeTime = 2 * time.Minute
)

// Cache reads and writes entries of a Store. What goes wrong is kept for Trouble,
// and said to be absent. A nil *Cache has nothing and keeps nothing.
type Cache struct {
	store  Store
	access Access
	dir    string // for temporary files

	mu      sync.Mutex
	trouble []string
}

// New makes a cache in a store; temporary files go to dir. What access does not
// allow is neither asked for nor written.
func New(store Store, access Access, dir string) *Cache {
	return &Cache{store: store, access: access, dir: dir}
}

// Trouble is what went wrong so far, one printable sentence for each kind of it.
func (c *Cache) Trouble() []string {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.trouble...)
}

// failed notes the first trouble of each direction: a store that is down answers
// every question in the same way.
func (c *Cache) failed(doing string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, said := range c.trouble {
		if len(said) >= len(doing) && said[:len(doing)] == doing {
			return
		}
	}
	c.trouble = append(c.trouble, printable.Fold(printable.Text(fmt.Sprintf("%s %s: %v; the run goes on without it", doing, c.store, err)), 400))
}

const (
	reading = "reading from"
	writing = "writing to"
)

// open reads an entry. The caller closes it. ErrAbsent covers all that went wrong
// but the end of ctx; Trouble has it.
func (c *Cache) open(ctx context.Context, name string, turns bool, limit int64) (Key, io.ReadCloser, error) {
	if c == nil || !c.access.Read {
		return Key{}, nil, ErrAbsent
	}
	key, content, err := c.get(ctx, name, turns, limit)
	switch {
	case err == nil:
		return key, content, nil
	case ctx.Err() != nil:
		return Key{}, nil, context.Cause(ctx)
	case !errors.Is(err, ErrAbsent):
		c.failed(reading, err)
	}
	return Key{}, nil, ErrAbsent
}

func (c *Cache) get(ctx context.Context, name string, turns bool, limit int64) (Key, io.ReadCloser, error) {
	if !(Key{Name: name}).valid() {
		return Key{}, nil, fmt.Errorf("%q is no name of an entry", name)
	}
	f, err := temporary(c.dir)
	if err != nil {
		return Key{}, nil, err
	}
	key, err := c.fetch(ctx, name, turns, f, packedLimit(limit))
	if err != nil {
		discard(f)
		return Key{}, nil, err
	}
	content, err := unpack(ctx, f, key, limit, func() { discard(f) })
	if err != nil {
		discard(f)
		return Key{}, nil, spoiled(key, err)
	}
	return key, content, nil
}

// spoiled is about an entry that came through and cannot be used.
func spoiled(key Key, err error) error {
	return fmt.Errorf("the entry %q cannot be used: %w", key, err)
}

// fetch brings an entry as it is stored, and rewinds the file.
func (c *Cache) fetch(ctx context.Context, name string, turns bool, f *os.File, limit int64) (Key, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, fmt.Errorf("it took longer than %s", readTime))
	defer cancel()
	key, err := c.store.Get(ctx, name, turns, f, limit)
	if err != nil {
		return Key{}, cmp.Or(ended(ctx), err)
	}
	if key.Name != name || turns == (key.Turn == "") {
		return Key{}, fmt.Errorf("it gave %q instead of %q", key, name)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Key{}, fmt.Errorf("reading an entry: %w", err)
	}
	return key, nil
}

// ended is why a context ended, nil while it has not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// save packs what write gives and stores it.
func (c *Cache) save(ctx context.Context, key Key, limit int64, write func(io.Writer) error) {
	if c == nil || !c.access.Write {
		return
	}
	if err := c.put(ctx, key, limit, write); err != nil && ctx.Err() == nil {
		c.failed(writing, err)
	}
}

func (c *Cache) put(ctx context.Context, key Key, limit int64, write func(io.Writer) error) error {
	if !key.valid() {
		return fmt.Errorf("%q is no name of an entry", key)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, writeTime, fmt.Errorf("it took longer than %s", writeTime))
	defer cancel()
	f, err := temporary(c.dir)
	if err != nil {
		return err
	}
	defer discard(f)
	if err := pack(f, key, limit, write); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("packing an entry: %w", err)
	}
	if err := c.store.Put(ctx, key, io.NewSectionReader(f, 0, size)); err != nil {
		return cmp.Or(ended(ctx), err)
	}
	return nil
}

func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "cache-*")
	if err != nil {
		return nil, fmt.Errorf("making room for an entry: %w", err)
	}
	return f, nil
}

// discard closes and removes a temporary file. What cannot be removed lies in the
// temporary directory of the run.
func discard(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
