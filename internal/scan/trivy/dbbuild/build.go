// Package dbbuild makes a small Trivy database from the advisories in
// testdata/advisories, and an OCI artefact of it. It is for tests and for the
// demo; no shipped binary imports it.
package dbbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/bucket"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/vulnerability"
	bolt "go.etcd.io/bbolt"
)

// Validity is how long a database that Build makes asks to be used without
// looking for a newer one, as Trivy's own does.
const Validity = 24 * time.Hour

// Build writes trivy.db and metadata.json into outDir, which it makes. The
// advisories lie as in testdata/advisories. The same advisories and the same now
// give the same bytes.
//
// It writes with bbolt itself: trivy-db's own writers use one database per
// process, which a match in the same process would be reading.
func Build(ctx context.Context, advisories fs.FS, outDir string, now time.Time) error {
	c := content{buckets: map[string]map[string]map[string]any{}, sources: map[string]dbtypes.DataSource{}, details: map[string]*dbtypes.Vulnerability{}}
	for _, read := range []func(fs.FS) error{c.readAlpine, c.readGHSA, c.readGo, c.readNVD} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := read(advisories); err != nil {
			return fmt.Errorf("reading advisories: %w", err)
		}
	}
	if err := os.MkdirAll(outDir, 0o755); err != nil {
		return fmt.Errorf("making the database directory: %w", err)
	}
	file := filepath.Join(outDir, "trivy.db")
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing the database: %w", err)
	}
	if err := c.write(file); err != nil {
		return fmt.Errorf("writing %q: %w", file, err)
	}
	now = now.UTC().Truncate(time.Second)
	text, err := json.Marshal(metadata.Metadata{
		Version: trivydb.SchemaVersion, UpdatedAt: now, NextUpdate: now.Add(Validity),
	})
	if err != nil {
		return fmt.Errorf("writing metadata.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(outDir, "metadata.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing metadata.json: %w", err)
	}
	return nil
}

// content is a database before it is written.
type content struct {
	buckets map[string]map[string]map[string]any // bucket → package → advisory
	sources map[string]dbtypes.DataSource
	details map[string]*dbtypes.Vulnerability
}

func (c *content) put(bucket, pkg, id string, advisory any) {
	if c.buckets[bucket] == nil {
		c.buckets[bucket] = map[string]map[string]any{}
	}
	if c.buckets[bucket][pkg] == nil {
		c.buckets[bucket][pkg] = map[string]any{}
	}
	c.buckets[bucket][pkg][id] = advisory
	c.detail(id)
}

func (c *content) detail(id string) *dbtypes.Vulnerability {
	if c.details[id] == nil {
		c.details[id] = &dbtypes.Vulnerability{}
	}
	return c.details[id]
}

// rate records what one source says of the severity.
func (c *content) rate(id string, source dbtypes.SourceID, severity dbtypes.Severity, cvss dbtypes.CVSS) {
	d := c.detail(id)
	if d.VendorSeverity == nil {
		d.VendorSeverity, d.CVSS = dbtypes.VendorSeverity{}, dbtypes.VendorCVSS{}
	}
	d.VendorSeverity[source] = severity
	d.CVSS[source] = cvss
	if d.Severity == "" || source == vulnerability.NVD { //nolint:staticcheck // trivy-db writes it still
		d.Severity = severity.String() //nolint:staticcheck // the same
	}
}

// readAlpine reads alpine/<release>/<package>.json, shaped as Alpine's secdb.
func (c *content) readAlpine(files fs.FS) error {
	return each(files, "alpine/*/*.json", func(name string, text []byte) error {
		var pkg struct {
			Name     string              `json:"name"`
			Secfixes map[string][]string `json:"secfixes"`
		}
		if err := json.Unmarshal(text, &pkg); err != nil {
			return err
		}
		bkt := bucket.NewAlpine(path.Base(path.Dir(name))).Name()
		c.sources[bkt] = dbtypes.DataSource{ID: vulnerability.Alpine, Name: "Alpine Secdb", URL: "https://secdb.alpinelinux.org/"}
		for fixed, ids := range pkg.Secfixes {
			for _, id := range ids {
				c.put(bkt, pkg.Name, id, dbtypes.Advisory{FixedVersion: fixed})
			}
		}
		return nil
	})
}

// readNVD reads nvd.json.
func (c *content) readNVD(files fs.FS) error {
	return each(files, "nvd.json", func(_ string, text []byte) error {
		var all map[string]struct {
			Severity, Vector, Description, Published, Modified string
			Score                                              float64
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return err
		}
		for id, n := range all {
			severity, err := dbtypes.NewSeverity(n.Severity)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			d := c.detail(id)
			if d.Description == "" {
				d.Description = n.Description
			}
			if d.PublishedDate, err = day(n.Published); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			if d.LastModifiedDate, err = day(n.Modified); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			c.rate(id, vulnerability.NVD, severity, dbtypes.CVSS{V3Vector: n.Vector, V3Score: n.Score})
		}
		return nil
	})
}

// day reads a date, nil where the source gives none.
func day(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no date is not an error
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// each calls read for every file that matches, in the order of their names.
func each(files fs.FS, pattern string, read func(name string, text []byte) error) error {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := read(name, text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// write puts everything into a new bbolt file, in the order of the keys and with
// one transaction per package: bbolt gives pages to the buckets of a transaction
// in the random order of a map.
func (c *content) write(file string) (err error) {
	db, err := bolt.Open(file, 0o644, &bolt.Options{
		Timeout: time.Second, PageSize: 4096, FreelistType: bolt.FreelistArrayType, NoSync: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Sync(), db.Close()) }()
	for _, name := range slices.Sorted(maps.Keys(c.buckets)) {
		for _, pkg := range slices.Sorted(maps.Keys(c.buckets[name])) {
			if err := putIn(db, c.buckets[name][pkg], name, pkg); err != nil {
				return err
			}
		}
	}
	if err := putIn(db, c.sources, "data-source"); err != nil {
		return err
	}
	return putIn(db, c.details, "vulnerability")
}

// putIn writes values into a bucket inside buckets, in one transaction.
func putIn[V any](db *bolt.DB, values map[string]V, names ...string) error {
	return db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(names[0]))
		for _, name := range names[1:] {
			if err == nil {
				b, err = b.CreateBucketIfNotExists([]byte(name))
			}
		}
		if err != nil {
			return err
		}
		return putAll(b, values)
	})
}

func putAll[V any](b *bolt.Bucket, values map[string]V) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, err := json.Marshal(values[key])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if err := b.Put([]byte(key), text); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// cveFirst splits the ids of an advisory into the one it is filed under (its CVE
// where it has one, as trivy-db does) and the others.
func cveFirst(id string, aliases []string) (primary string, others []string) {
	primary = id
	for _, a := range aliases {
		if strings.HasPrefix(a, "CVE-") {
			primary = a
			break
		}
	}
	for _, a := range append([]string{id}, aliases...) {
		if a != primary {
			others = append(others, a)
		}
	}
	return primary, others
}
