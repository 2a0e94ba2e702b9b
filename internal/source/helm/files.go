package helm

import (
	"encoding/base64"
	"path"
	"strings"

	"github.com/gobwas/glob"
	"helm.sh/helm/v4/pkg/chart/common"
	"sigs.k8s.io/yaml"
)

// files are what a template sees as .Files: those of the chart that are no templates.
type files map[string][]byte

func filesOf(list []*common.File) files {
	f := make(files, len(list))
	for _, one := range list {
		f[one.Name] = one.Data
	}
	return f
}

// GetBytes returns a file's bytes, none when there is no such file.
func (f files) GetBytes(name string) []byte {
	if content, ok := f[name]; ok {
		return content
	}
	return []byte{}
}

// Get returns a file's text.
func (f files) Get(name string) string { return string(f[name]) }

// Glob returns the files whose names match.
func (f files) Glob(pattern string) files {
	g, err := glob.Compile(pattern, '/')
	if err != nil {
		g = glob.MustCompile("**")
	}
	matches := files{}
	for name, content := range f {
		if g.Match(name) {
			matches[name] = content
		}
	}
	return matches
}

// AsConfig returns the files as the data of a ConfigMap.
func (f files) AsConfig() string {
	return f.data(func(content []byte) string { return string(content) })
}

// AsSecrets returns the files as the data of a Secret.
func (f files) AsSecrets() string { return f.data(base64.StdEncoding.EncodeToString) }

func (f files) data(encode func([]byte) string) string {
	if f == nil {
		return ""
	}
	data := make(map[string]string, len(f))
	for name, content := range f {
		data[path.Base(name)] = encode(content)
	}
	return text(yaml.Marshal(data))
}

// Lines returns a file's lines.
func (f files) Lines(name string) []string {
	if len(f[name]) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(f[name]), "\n"), "\n")
}
