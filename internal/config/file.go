package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FileName is the name the settings file is looked for under.
const FileName = ".plimsoll.yaml"

// maxFile bounds a settings file; a real one has a few kilobytes.
const maxFile = 1 << 20

// readFiles reads the named file, or every .plimsoll.yaml from the repository's
// root down to the start directory, one level of assignments each: the nearest
// comes last and so wins per key.
func readFiles(section, command, named, start string) ([][]assignment, error) {
	paths := []string{named}
	if named == "" {
		paths = discover(start)
	}
	var levels [][]assignment
	for _, path := range paths {
		level, err := readFile(path)
		if err != nil {
			return nil, err
		}
		levels = append(levels, level)
	}
	return holding(levels, section, command), nil
}

// holding keeps of each file what holds for a command on an occasion. The
// sections are one key, so that the nearest file that has any replaces them all.
func holding(levels [][]assignment, section, command string) [][]assignment {
	inSection := func(a assignment) bool { return a.section != "" }
	out := make([][]assignment, len(levels))
	replaced := false
	for i, level := range slices.Backward(levels) {
		kept := slices.Clone(level)
		if replaced {
			kept = slices.DeleteFunc(kept, inSection)
		}
		replaced = replaced || slices.ContainsFunc(level, inSection)
		out[i] = slices.DeleteFunc(onOccasion(kept, section), func(a assignment) bool { return !a.setting.Takes(command) })
	}
	return out
}

// discover lists the settings files that hold for a directory, the farthest
// first. It stops at the repository's root; outside a repository only the
// directory itself and the one we stand in count, so that a stray file in a home
// directory does not.
func discover(start string) []string {
	dir, err := filepath.Abs(start)
	if err != nil {
		return nil
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	var found []string
	for at := dir; ; at = filepath.Dir(at) {
		if path := filepath.Join(at, FileName); isFile(path) {
			found = append(found, relative(path))
		}
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			break
		}
		if at == filepath.Dir(at) {
			found = slices.DeleteFunc(found, func(p string) bool { return p != FileName && p != relative(filepath.Join(dir, FileName)) })
			break
		}
	}
	slices.Reverse(found)
	return found
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// relative makes a path readable in messages: relative to where we stand when it is below.
func relative(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return path
	}
	return rel
}

func readFile(path string) ([]assignment, error) {
	f, err := os.Open(path)
	if err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathErr.Err
		}
		return nil, &UsageError{path, fmt.Errorf("reading settings: %w", err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &UsageError{path, fmt.Errorf("reading settings: %w", err)}
	}
	if len(data) > maxFile {
		return nil, &UsageError{path, errors.New("more than 1 MiB of settings; is this the right file?")}
	}
	return parseFile(path, data)
}

// parseFile reads the YAML of a settings file. Every key is the name of a
// setting; anything else is an error that names the nearest one.
func parseFile(path string, data []byte) ([]assignment, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // an empty file says nothing
		}
		return nil, &UsageError{path, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	at := func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", path, n.Line) }
	if root.Kind != yaml.MappingNode {
		return nil, &UsageError{at(root), errors.New("want a mapping of settings, such as \"fail-on-severity: high\"")}
	}
	known := fileSettings()
	seen := map[string]int{}
	var out []assignment
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, val := root.Content[i], root.Content[i+1]
		if line, twice := seen[key.Value]; twice {
			return nil, &UsageError{at(key), fmt.Errorf("%q is set twice, first on line %d", key.Value, line)}
		}
		seen[key.Value] = key.Line
		if key.Value == "version" {
			if val.Value != "1" {
				return nil, &UsageError{at(val), fmt.Errorf("version %q is not known to this plimsoll; want 1", val.Value)}
			}
			continue
		}
		switch key.Value {
		case "policy":
			sections, err := parseSections(at, val)
			if err != nil {
				return nil, err
			}
			out = append(out, sections...)
			continue
		case "ignore":
			entries, err := parseIgnores(path, at, val)
			if err != nil {
				return nil, err
			}
			out = append(out, entries...)
			continue
		case "enforce":
			enforce, err := parseEnforce(at, val)
			if err != nil {
				return nil, err
			}
			if line, twice := seen["warn-only"]; twice {
				return nil, &UsageError{at(key), fmt.Errorf("enforce and warn-only, on line %d, say the same; keep one", line)}
			}
			seen["warn-only"] = key.Line
			out = append(out, enforce)
			continue
		}
		j := slices.IndexFunc(known, func(s Setting) bool { return s.Name == key.Value })
		if j < 0 {
			return nil, &UsageError{at(key), fmt.Errorf("%q is not a setting%s", key.Value, suggestion(key.Value, append(names(known), "policy", "enforce", "ignore")))}
		}
		if known[j].entries != nil {
			entries, err := known[j].entries(newDocument(path, data), val)
			if usage, ok := errors.AsType[*UsageError](err); ok {
				return nil, &UsageError{usage.Where, fmt.Errorf("%s: %w", key.Value, usage.Err)}
			}
			for _, entry := range entries {
				entry.setting = known[j]
				out = append(out, entry)
			}
			continue
		}
		texts, err := textsOf(val)
		if err != nil {
			return nil, &UsageError{at(val), fmt.Errorf("%s: %w", key.Value, err)}
		}
		for _, text := range texts {
			if known[j].Path && text != "" {
				text = beside(path, text)
			}
			out = append(out, assignment{setting: known[j], text: text, origin: origin{at(val), []string{text}}})
		}
	}
	return out, nil
}

// beside makes a path from a file relative to that file. "env://" and the like are no paths.
func beside(file, path string) string {
	if filepath.IsAbs(path) || strings.Contains(path, "://") {
		return path
	}
	return filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
}

// fileSettings are those that may stand in a file. Secrets may not: a file is committed.
func fileSettings() []Setting {
	return slices.DeleteFunc(Settings(), func(s Setting) bool { return s.FlagOnly || s.InputOnly || s.Secret })
}

// textsOf turns a YAML value into the texts a flag would have been given.
func textsOf(n *yaml.Node) ([]string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return []string{""}, nil
		}
		return []string{n.Value}, nil
	case yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: want a list of plain values", item.Line)
			}
			out = append(out, item.Value)
		}
		if out == nil {
			out = []string{""}
		}
		return out, nil
	case yaml.MappingNode:
		var out []string
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: want a plain value", n.Content[i+1].Line)
			}
			out = append(out, n.Content[i].Value+"="+n.Content[i+1].Value)
		}
		return out, nil
	case yaml.AliasNode:
		return textsOf(n.Alias)
	case yaml.DocumentNode:
	}
	return nil, errors.New("want a value, a list or a mapping")
}
