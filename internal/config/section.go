package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// The sections of policy: in the settings file. What stands in the section of an
// occasion wins there over the same key at the top level.
const (
	OnPullRequest = "pull_request" // pull requests, the merge queue, branches that are not the default one
	OnPush        = "push"         // a push to the default branch
	OnRelease     = "release"      // tags and releases
	OnPromote     = "promote"
)

func sections() []string { return []string{OnPullRequest, OnPush, OnRelease, OnPromote} }

// onlyIntroduced stands in sections only: whether an event lets old problems pass
// is for policy to say first.
func onlyIntroduced() Setting {
	return Setting{
		Name: "only-introduced", Group: "lint", Kind: Bool, Default: "true", Commands: onJudge,
		Usage: "what was there before the change does not fail, where the event allows that", bind: boolean(func(c *Config) *bool { return &c.OnlyIntroduced }),
	}
}

// sectionSettings are those that a section may hold.
func sectionSettings() []Setting {
	known := []string{"fail-on-severity", "lint-fail-on-severity", "ignore-unfixed", "db-max-age"}
	return append(slices.DeleteFunc(Settings(), func(s Setting) bool { return !slices.Contains(known, s.Name) }), onlyIntroduced())
}

// parseSections reads the value of policy:.
func parseSections(at func(*yaml.Node) string, val *yaml.Node) ([]assignment, error) {
	if val.Kind != yaml.MappingNode {
		return nil, &UsageError{at(val), errors.New(`policy: want a mapping, such as "pull_request: { fail-on-severity: high }"`)}
	}
	known := sectionSettings()
	var out []assignment
	for i := 0; i+1 < len(val.Content); i += 2 {
		key, section := val.Content[i], val.Content[i+1]
		if !slices.Contains(sections(), key.Value) {
			return nil, &UsageError{at(key), fmt.Errorf("%q is not a section of policy%s", key.Value, suggestion(key.Value, sections()))}
		}
		if section.Kind != yaml.MappingNode {
			return nil, &UsageError{at(section), fmt.Errorf("policy.%s: want a mapping of settings", key.Value)}
		}
		seen := map[string]bool{}
		for j := 0; j+1 < len(section.Content); j += 2 {
			name, value := section.Content[j], section.Content[j+1]
			k := slices.IndexFunc(known, func(s Setting) bool { return s.Name == name.Value })
			if k < 0 {
				return nil, &UsageError{at(name), fmt.Errorf("%q is not a setting of policy.%s%s", name.Value, key.Value, suggestion(name.Value, names(known)))}
			}
			if seen[name.Value] {
				return nil, &UsageError{at(name), fmt.Errorf("%q is set twice", name.Value)}
			}
			seen[name.Value] = true
			if value.Kind != yaml.ScalarNode {
				return nil, &UsageError{at(value), fmt.Errorf("%s: want a plain value", name.Value)}
			}
			out = append(out, assignment{setting: known[k], text: value.Value, section: key.Value, origin: origin{at(value), []string{value.Value}}})
		}
	}
	return out, nil
}

// parseEnforce reads enforce:, which is warn-only the other way round and wins
// over an input.
func parseEnforce(at func(*yaml.Node) string, val *yaml.Node) (assignment, error) {
	enforce, err := strconv.ParseBool(val.Value)
	if err != nil || val.Kind != yaml.ScalarNode {
		return assignment{}, &UsageError{at(val), fmt.Errorf("enforce: %q is neither true nor false", val.Value)}
	}
	text := strconv.FormatBool(!enforce)
	return assignment{setting: named("warn-only"), text: text, firm: enforce, origin: origin{at(val), []string{text}}}, nil
}

func named(name string) Setting {
	all := Settings()
	return all[slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })]
}

// onOccasion keeps of a file's assignments those that hold in a section: the
// section's own, and of the others what the section does not set.
func onOccasion(level []assignment, section string) []assignment {
	own := map[string]bool{}
	for _, a := range level {
		if a.section != "" && a.section == section {
			own[a.setting.Name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(level), func(a assignment) bool {
		return a.section != "" && a.section != section || a.section == "" && own[a.setting.Name]
	})
}
