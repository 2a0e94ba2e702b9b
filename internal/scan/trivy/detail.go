// Package trivy holds what the analyzing and the matching half of the Trivy
// adapter say to each other: the detail of an inventory. It imports Trivy's
// plain types only, so that an inventory is matched without linking the analyzers.
package trivy

import (
	"encoding/json"
	"errors"
	"fmt"

	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
)

// DatabaseMediaType is that of the one layer in which a vulnerability database
// lies in a registry, from trivy-db's publishing workflow.
const DatabaseMediaType = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"

// Schema is the version of Detail that this build writes and reads. It changes
// when a field changes its meaning, not when one is added.
const Schema = 1

// Detail is what [scan.Inventory.Detail] holds: the packages of an image after
// its layers have been laid over each other. Every package names the layer that
// brought it in Layer.DiffID.
type Detail struct {
	Schema       int                  `json:"schema"`
	OS           ftypes.OS            `json:"os,omitzero"`
	Repository   *ftypes.Repository   `json:"repository,omitempty"`
	Packages     ftypes.Packages      `json:"packages,omitempty"`
	Applications []ftypes.Application `json:"applications,omitempty"`
}

// Encode returns d as JSON with the current schema.
func (d Detail) Encode() (json.RawMessage, error) {
	d.Schema = Schema
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing the detail of an inventory: %w", err)
	}
	return raw, nil
}

// Decode reads what Encode wrote. An empty detail or another schema is an error:
// an inventory that cannot be read must not look like an empty one.
func Decode(raw json.RawMessage) (Detail, error) {
	var d Detail
	if len(raw) == 0 {
		return d, errors.New("the inventory has no detail; analyze the image again")
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("reading the detail of an inventory: %w", err)
	}
	if d.Schema != Schema {
		return d, fmt.Errorf("the inventory has schema %d and this build reads %d; analyze the image again", d.Schema, Schema)
	}
	return d, nil
}
