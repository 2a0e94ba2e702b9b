package build

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// line is one layer in the sidecar.
type line struct {
	DiffID   string           `json:"diffId"`
	Location finding.Location `json:"location"`
	Command  string           `json:"command"`
	Base     bool             `json:"base,omitempty"`
}

// WriteLines writes where each layer comes from as JSON beside the layout, to
// "<Layout>.lines.json", so that whoever takes the image later can place what is
// in it. It sets r.Lines.
func (r *Result) WriteLines() error {
	lines := make([]line, len(r.Layers))
	for i, origin := range r.Layers {
		lines[i] = line(origin)
	}
	data, err := json.MarshalIndent(struct {
		Digest string `json:"digest"`
		Layers []line `json:"layers"`
	}{r.Digest, lines}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the lines of the layers: %w", err)
	}
	path := r.Layout + ".lines.json"
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the lines of the layers: %w", err)
	}
	r.Lines = path
	return nil
}
