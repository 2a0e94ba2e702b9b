package db

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
)

// parseMetadata reads metadata.json. A schema that this build does not read, or
// an age that is not said, is an error: matching against either could find
// nothing without anybody noticing.
func parseMetadata(text []byte) (metadata.Metadata, error) {
	var m metadata.Metadata
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", metadataName, err)
	}
	if m.Version != trivydb.SchemaVersion {
		return m, fmt.Errorf("%s says schema version %d, and this build reads version %d; use a database of that version",
			metadataName, m.Version, trivydb.SchemaVersion)
	}
	if m.UpdatedAt.IsZero() {
		return m, fmt.Errorf("%s does not say when the database was updated; use one that does", metadataName)
	}
	return m, nil
}

// readMetadata reads the metadata.json of a directory.
func readMetadata(dir string) (metadata.Metadata, error) {
	text, err := readSmall(filepath.Join(dir, metadataName))
	if err != nil {
		return metadata.Metadata{}, err
	}
	return parseMetadata(text)
}

// readSmall reads a file of at most 64 KiB.
func readSmall(file string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := defaultLimits().metadata
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("it is too long")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", file, err)
	}
	return text, nil
}
