package scan

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// SecretInLayer is about secrets in files of an image, deleted ones included:
// whoever pulls the image has the layer.
var SecretInLayer = finding.Rule{
	ID:       "SEC-1.b",
	Name:     "secret-in-layer",
	Points:   []string{"SEC-1"},
	Severity: finding.Critical,
	Summary:  "No layer of an image holds a secret, not even one that a later layer deletes",
	Since:    "0.1.0",
}

// SecretInConfig is about secrets in an image's environment, labels, commands
// and history, which every registry shows without a pull.
var SecretInConfig = finding.Rule{
	ID:       "SEC-1.c",
	Name:     "secret-in-config",
	Points:   []string{"SEC-1"},
	Severity: finding.Critical,
	Summary:  "The config of an image, its environment, labels and history, holds no secret",
	Since:    "0.1.0",
}
