package dockerfile

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var secretCopied = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "SEC-1.d", Name: "secret-copied", Points: []string{"SEC-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No file that holds a secret is copied into a layer",
		Also:    []string{"DKL-LI-0003"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				if in.Name != "COPY" && in.Name != "ADD" {
					continue
				}
				if from, _, ok := in.Flag("from"); ok && f.CopiedStage(s, in, from) == nil {
					continue
				}
				sources, _ := in.Paths()
				for _, w := range sources {
					name := path.Base(w.Text)
					severity, what := keeps(f, w.Text, name)
					if what == "" {
						continue
					}
					if !ships(f, s) {
						severity = min(severity, finding.Medium)
					}
					p.Report(lint.Problem{
						At: w.At, Subject: f.Subject(s), Path: "copy[" + name + "]", Severity: severity,
						Message: fmt.Sprintf("%q is %s, and stays in the layer whatever removes it later; mount it where it is used with RUN --mount=type=secret, or into the container", name, what),
					})
				}
			}
		}
	},
}

// keeps says what secret a file of that name is; empty for none.
func keeps(f *dockerfile.File, whole, name string) (finding.Severity, string) {
	switch name {
	case "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519":
		return finding.High, "a private key"
	case ".git-credentials", ".netrc", "_netrc", ".pgpass", ".htpasswd", ".aws", "kubeconfig":
		return finding.High, "a file of credentials"
	case ".env", ".env.local", ".env.production", ".env.prod":
		found := f.Lookup(whole)
		if found != nil && !settings(found.Text) {
			return finding.Unknown, "" // committed, with nothing secret in it
		}
		return finding.Medium, "where settings with secrets are kept"
	case ".npmrc", ".yarnrc.yml", ".pypirc":
		found := f.Lookup(whole)
		if name == ".pypirc" || found != nil && literalToken(found.Text) {
			return finding.High, "a file with a token"
		}
	}
	return finding.Unknown, ""
}

// settings says that a file of NAME=value lines has a secret among them.
func settings(text string) bool {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		if ok && !strings.HasPrefix(key, "#") && source.SecretName(strings.TrimPrefix(key, "export ")) != source.NoSecret && !source.Harmless(value) {
			return true
		}
	}
	return source.HasToken(text)
}

// literalToken says that a registry's settings hold a token itself, not the name
// of a variable.
func literalToken(text string) bool {
	for line := range strings.Lines(text) {
		for _, key := range []string{"_authToken=", "_auth=", "_password=", "npmAuthToken:"} {
			if _, value, ok := strings.Cut(line, key); ok && strings.TrimSpace(value) != "" && !strings.Contains(value, "$") {
				return true
			}
		}
	}
	return false
}
