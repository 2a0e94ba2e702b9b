package image

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Credentials is a visitor of the walk that looks for files in which tools keep
// credentials, in every layer: whoever pulls the image has what a later layer
// deletes. It keeps where they are, and nothing of what they hold. The zero value
// looks at all layers.
type Credentials struct {
	// BaseLayers is how many of the lowest layers are passed over: who built the
	// FROM image knows what is in them.
	BaseLayers int

	found []credential
}

// credential is a file with a credential in it.
type credential struct {
	path, what string
	layer      layer.Layer
}

// The bounds of what is looked at: no such file is larger, and no honest image
// has more of them.
const (
	credentialBytes = 256 << 10
	credentialFiles = 1000
)

// BeginLayer is part of layer.Visitor.
func (c *Credentials) BeginLayer(layer.Layer) error { return nil }

// EndLayer is part of layer.Visitor.
func (c *Credentials) EndLayer(layer.Layer) error { return nil }

// Visit is part of layer.Visitor.
func (c *Credentials) Visit(e layer.Entry, open layer.Opener) error {
	if !e.Regular() || e.Layer.Index < c.BaseLayers || e.Header.Size == 0 || e.Header.Size > credentialBytes || len(c.found) >= credentialFiles || foreign(e.Path) {
		return nil
	}
	k := keeperOf(e.Path)
	if k == nil {
		return nil
	}
	content, err := open()
	if err != nil {
		return nil //nolint:nilerr // what concerns more than this file ends the walk
	}
	text, err := io.ReadAll(io.LimitReader(content, credentialBytes))
	_ = content.Close()
	if err == nil && k.holds(string(text)) {
		c.found = append(c.found, credential{path: e.Path, what: k.what, layer: e.Layer})
	}
	return nil
}

// foreign says that a file came with somebody else's package, or is an example.
func foreign(p string) bool {
	for _, dir := range []string{"node_modules", "site-packages", "dist-packages", "testdata", "test", "tests", "fixtures", "examples", "vendor", "doc"} {
		if strings.HasPrefix(p, dir+"/") || strings.Contains(p, "/"+dir+"/") {
			return true
		}
	}
	return false
}

// keeper is a tool's file for credentials. Pattern finds the value as its first
// group.
type keeper struct {
	paths   []string // the end of the path
	what    string
	pattern *regexp.Regexp
}

// keepers are the files that Trivy's scanner has no rule for, or only for one
// issuer's tokens, each by the documentation of its tool.
var keepers = []keeper{
	{[]string{".npmrc"}, "npm's token", regexp.MustCompile(`(?m)^\s*(?:[^#;\s]*:)?_(?:authToken|password|auth)\s*=\s*"?([^\s"]+)`)},
	{[]string{".docker/config.json", ".dockercfg", ".config/containers/auth.json"}, "a registry's login", regexp.MustCompile(`"(?:auth|identitytoken|registrytoken)"\s*:\s*"([^"]+)"`)},
	{[]string{".netrc", "_netrc"}, "a login", regexp.MustCompile(`(?m)\bpassword\s+(\S+)`)},
	{[]string{".git-credentials", ".config/git/credentials"}, "git's login", regexp.MustCompile(`(?m)^https?://[^:/@\s]*:([^@/\s]+)@`)},
	{[]string{".aws/credentials"}, "a key of AWS", regexp.MustCompile(`(?m)^\s*aws_secret_access_key\s*=\s*(\S+)`)},
	{[]string{".kube/config", "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml"}, "a cluster's login", regexp.MustCompile(`(?m)^\s*(?:client-key-data|token|password):\s*"?([^\s"]+)`)},
	{[]string{".pypirc"}, "a package index's login", regexp.MustCompile(`(?m)^\s*password\s*[=:]\s*(\S+)`)},
	{[]string{".pgpass"}, "a database's login", regexp.MustCompile(`(?m)^[^#:\n][^:\n]*:[^:\n]+:[^:\n]+:[^:\n]+:(\S+)$`)},
	{[]string{".my.cnf"}, "a database's login", regexp.MustCompile(`(?m)^\s*password\s*=\s*"?([^\s"]+)`)},
	{[]string{".cargo/credentials", ".cargo/credentials.toml"}, "a registry's token", regexp.MustCompile(`(?m)^\s*token\s*=\s*"([^"]+)"`)},
	{[]string{".gem/credentials"}, "a registry's token", regexp.MustCompile(`(?m)^:?\w+(?:_api_key)?:\s*(?:Bearer\s+)?(\S+)`)},
	{[]string{".m2/settings.xml"}, "a repository's login", regexp.MustCompile(`<password>\s*([^<\s]+)\s*</password>`)},
	{[]string{".terraform.d/credentials.tfrc.json"}, "a registry's token", regexp.MustCompile(`"token"\s*:\s*"([^"]+)"`)},
	{[]string{".config/gcloud/application_default_credentials.json"}, "a login of Google Cloud", regexp.MustCompile(`"(?:refresh_token|client_secret)"\s*:\s*"([^"]+)"`)},
}

func keeperOf(p string) *keeper {
	for n := range keepers {
		for _, end := range keepers[n].paths {
			if p == end || strings.HasSuffix(p, "/"+end) {
				return &keepers[n]
			}
		}
	}
	return nil
}

// least is the length from which a value may be a credential.
const least = 6

// holds says whether one of the values is neither a variable nor a stand-in.
func (k *keeper) holds(text string) bool {
	return slices.ContainsFunc(k.pattern.FindAllStringSubmatch(text, -1), func(m []string) bool {
		value := m[1]
		return len(value) >= least && !strings.ContainsAny(value, "${}<>%") && !source.Placeholder(value) && strings.Trim(value, "*xX") != ""
	})
}

var credentialFile = check{
	Rule: finding.Rule{
		ID: "SEC-1.i", Name: "credential-file", Points: []string{"SEC-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No layer of an image holds a file in which a tool keeps a credential, not even one that a later layer deletes",
		Also:    []string{"CIS-DI-0010", "DKL-LI-0003"},
	},
	run: func(p *pass) {
		for _, c := range p.credentials {
			gone := ""
			if f, ok := p.image.Lookup(path.Join("/", c.path)); !ok || f.Layer.Index != c.layer.Index {
				gone = ", deleted or replaced later"
			}
			p.tell(problem{
				layer: &c.layer, subject: c.path, path: "credential",
				message: fmt.Sprintf("a layer holds %s in %q%s; revoke it, and give it to the build with RUN --mount=type=secret", c.what, "/"+c.path, gone),
			})
		}
	},
}
