// Vulndb serves the vulnerability check.
//
//	vulndb OSVDIR OUTDIR   makes a database that govulncheck -db reads out of the
//	                       OSV files of golang/vulndb (data/osv/*.json); its layout
//	                       is https://go.dev/doc/security/vuln/database#api
//	vulndb reach URL       says whether the URL answers
//	vulndb called FILE     lists the ids that govulncheck -format json found called
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type entry struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
	Affected []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
}

type vuln struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
	Fixed    string `json:"fixed,omitempty"`
}

type module struct {
	Path  string `json:"path"`
	Vulns []vuln `json:"vulns"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: vulndb OSVDIR OUTDIR | vulndb called FILE | vulndb reach URL")
	}
	do := run
	switch os.Args[1] {
	case "called":
		do = func(_, file string) error { return called(file) }
	case "reach":
		do = func(_, url string) error { return reach(url) }
	}
	if err := do(os.Args[1], os.Args[2]); err != nil {
		log.Fatal("vulndb: ", err)
	}
}

func run(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s holds no OSV files", from)
	}
	modules := map[string]*module{}
	modified := ""
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		modified = max(modified, e.Modified)
		for _, a := range e.Affected {
			m := modules[a.Package.Name]
			if m == nil {
				m = &module{Path: a.Package.Name}
				modules[a.Package.Name] = m
			}
			v := vuln{ID: e.ID, Modified: e.Modified}
			for _, r := range a.Ranges {
				for _, event := range r.Events {
					if event.Fixed != "" {
						v.Fixed = event.Fixed
					}
				}
			}
			m.Vulns = append(m.Vulns, v)
		}
		if err := write(filepath.Join(to, "ID", filepath.Base(file)), data); err != nil {
			return err
		}
	}
	list := make([]*module, 0, len(modules))
	for _, m := range modules {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *module) int { return strings.Compare(a.Path, b.Path) })
	for name, content := range map[string]any{"modules": list, "db": map[string]string{"modified": modified}} {
		data, err := json.Marshal(content)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, "index", name+".json"), data); err != nil {
			return err
		}
	}
	return nil
}

func reach(url string) error {
	client := &http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}

// called prints the ids of findings whose trace reaches a function: what is
// linked and can be called, not what merely lies in a required module.
func called(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var ids []string
	for decoder := json.NewDecoder(f); ; {
		var message struct {
			Finding *struct {
				OSV   string `json:"osv"`
				Trace []struct {
					Function string `json:"function"`
				} `json:"trace"`
			} `json:"finding"`
		}
		if err := decoder.Decode(&message); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if found := message.Finding; found != nil && len(found.Trace) > 0 && found.Trace[0].Function != "" {
			ids = append(ids, found.OSV)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		fmt.Println(id)
	}
	return nil
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
