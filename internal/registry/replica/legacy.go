package replica

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// entry is one signature, attestation or inventory under a tag of cosign: a layer
// with its annotations, which hold the signature itself.
type entry struct {
	digest      v1.Hash
	annotations string
}

func entriesOf(d document) []entry {
	entries := make([]entry, 0, len(d.Layers)+len(d.Manifests))
	for _, l := range slices.Concat(d.Layers, d.Manifests) {
		var text strings.Builder
		for _, key := range slices.Sorted(maps.Keys(l.Annotations)) {
			fmt.Fprintf(&text, "%q=%q,", key, l.Annotations[key])
		}
		entries = append(entries, entry{l.Digest, text.String()})
	}
	return entries
}

// ConflictError is a tag of cosign that holds other evidence at the destination
// than at the source, so that copying it would lose some. Nothing was written to it.
type ConflictError struct {
	Tag name.Tag
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the tag %s lists evidence that the source does not have, and copying would lose it; delete the tag, or copy what it lists to the source first", e.Tag)
}

// berth looks at a tag of cosign at the destination: what it names now, and
// whether it is to be written. It is when it names nothing or less than the source
// has, and stays when it has all of that already.
func (o *Original) berth(ctx context.Context, to name.Repository, it item) (was v1.Hash, write bool, err error) {
	tag := to.Tag(it.tag)
	now, there, err := o.client.Lookup(ctx, tag)
	if err != nil || !there {
		return v1.Hash{}, err == nil, err
	}
	if now.Digest == it.Digest {
		return now.Digest, false, nil
	}
	var d document
	if err := json.Unmarshal(now.Bytes, &d); err != nil {
		return v1.Hash{}, false, &registry.Error{Doing: "reading the manifest of", Target: tag.String(), Detail: "it cannot be read as a manifest; delete the tag", Err: err}
	}
	theirs := entriesOf(d)
	switch {
	case holds(theirs, it.entries):
		return now.Digest, false, nil
	case holds(it.entries, theirs):
		return now.Digest, true, nil
	}
	return v1.Hash{}, false, &ConflictError{Tag: tag}
}

// holds says that all has every entry of some.
func holds(all, some []entry) bool {
	return !slices.ContainsFunc(some, func(e entry) bool { return !slices.Contains(all, e) })
}
