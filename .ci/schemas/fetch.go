package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// module is what "go mod download -json" says of one.
type module struct{ Path, Version, Dir, Sum, Error string }

// modules are the sources of one minor.
type modules struct{ kubernetes, api, machinery, extensions module }

func (m modules) modules() []module {
	return []module{m.kubernetes, m.api, m.machinery, m.extensions}
}

func fetch(r release) (modules, error) {
	var m modules
	for _, want := range []struct {
		into          *module
		path, version string
	}{
		{&m.kubernetes, "k8s.io/kubernetes", r.kubernetes},
		{&m.api, "k8s.io/api", r.published},
		{&m.machinery, "k8s.io/apimachinery", r.published},
		{&m.extensions, "k8s.io/apiextensions-apiserver", r.published},
	} {
		got, err := download(want.path + "@" + want.version)
		if err != nil {
			return m, err
		}
		if known := sums[want.path+" "+want.version]; known != got.Sum {
			return m, fmt.Errorf("%s %s has the sum %q, and sums.go wants %q", want.path, want.version, got.Sum, known)
		}
		*want.into = got
	}
	return m, nil
}

func download(what string) (module, error) {
	fmt.Fprintln(os.Stderr, "fetching", what)
	cmd := exec.Command("go", "mod", "download", "-json", what)
	text, err := cmd.Output() // its exit says no more than its output
	var m module
	if json.Unmarshal(text, &m) != nil {
		return m, fmt.Errorf("fetching %s: %w", what, err)
	}
	if m.Error != "" {
		return m, fmt.Errorf("fetching %s: %s", what, m.Error)
	}
	return m, nil
}
