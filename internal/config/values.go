package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// value is one setting's place in a Config. set replaces or, for lists, adds;
// reset empties it, which happens once per place a list comes from, so that a
// flag replaces what the file said and two flags add up.
type value interface {
	set(text string) error
	reset()
}

type textValue struct{ to *string }

func (v textValue) set(text string) error { *v.to = text; return nil }
func (v textValue) reset()                { *v.to = "" }

type boolValue struct{ to *bool }

func (v boolValue) set(text string) error {
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	*v.to = b
	return nil
}
func (v boolValue) reset() { *v.to = false }

type choiceValue struct {
	to      *string
	allowed []string
}

func (v choiceValue) set(text string) error {
	text = strings.ToLower(strings.TrimSpace(text))
	if !slices.Contains(v.allowed, text) {
		return fmt.Errorf("%q is not known; want one of %s%s", text, strings.Join(v.allowed, ", "), suggestion(text, v.allowed))
	}
	*v.to = text
	return nil
}
func (v choiceValue) reset() { *v.to = "" }

type severityValue struct{ to *finding.Severity }

func (v severityValue) set(text string) error { return v.to.UnmarshalText([]byte(text)) }
func (v severityValue) reset()                { *v.to = finding.Unknown }

type durationValue struct{ to *time.Duration }

func (v durationValue) set(text string) error {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration; want a number and a unit, such as 90s, 30m or 72h", text)
	}
	*v.to = d
	return nil
}
func (v durationValue) reset() { *v.to = 0 }

type dateValue struct{ to *time.Time }

func (v dateValue) set(text string) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			*v.to = t
			return nil
		}
	}
	return fmt.Errorf("%q is not a date; want YYYY-MM-DD or an RFC 3339 time", text)
}
func (v dateValue) reset() { *v.to = time.Time{} }

// listValue splits on lines and, where commas separate too, on commas outside quotes.
type listValue struct {
	to      *[]string
	commas  bool
	allowed []string
}

func (v listValue) set(text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		fields := []string{line}
		if v.commas {
			r := csv.NewReader(strings.NewReader(line))
			r.TrimLeadingSpace, r.LazyQuotes = true, true
			record, err := r.Read()
			if err != nil {
				return fmt.Errorf("%q is not a list: %w", line, err)
			}
			fields = record
		}
		for _, field := range fields {
			field = strings.TrimSpace(field)
			if field == "" {
				continue
			}
			if v.allowed != nil && !slices.Contains(v.allowed, field) {
				return fmt.Errorf("%q is not known; want any of %s%s", field, strings.Join(v.allowed, ", "), suggestion(field, v.allowed))
			}
			*v.to = append(*v.to, field)
		}
	}
	return nil
}
func (v listValue) reset() { *v.to = nil }

// pairsValue reads NAME=VALUE, one a line. A value may hold anything, so commas do not separate.
type pairsValue struct {
	to       *map[string]string
	secret   bool                             // messages hold nothing of the text
	bareName func(name string) (string, bool) // what NAME alone means; nil when it means nothing
}

func (v pairsValue) set(text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, val, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok && v.bareName != nil {
			if val, ok = v.bareName(name); !ok {
				return fmt.Errorf("%q has no value here and the environment has none; want NAME=VALUE", name)
			}
		}
		if !ok || name == "" {
			if v.secret {
				return errors.New("an entry is not ID=VALUE")
			}
			return fmt.Errorf("an entry is not NAME=VALUE; it starts with %q", first(line, 12))
		}
		if *v.to == nil {
			*v.to = map[string]string{}
		}
		(*v.to)[name] = val
	}
	return nil
}
func (v pairsValue) reset() { *v.to = nil }

// authsValue reads a YAML list of credentials. Its errors never quote the text.
type authsValue struct{ to *[]RegistryAuth }

func (v authsValue) set(text string) error {
	var auths []RegistryAuth
	if err := yaml.Unmarshal([]byte(text), &auths); err != nil {
		return errors.New("not a YAML list of {registry, username, password}")
	}
	for i, a := range auths {
		if a.Registry == "" || a.Password == "" {
			return fmt.Errorf("entry %d has no registry or no password", i+1)
		}
	}
	*v.to = append(*v.to, auths...)
	return nil
}
func (v authsValue) reset() { *v.to = nil }

// first cuts a text for a message, so that a secret typed in the wrong place is not repeated whole.
func first(text string, n int) string {
	if i := strings.IndexAny(text, "= \t"); i >= 0 && i < n {
		n = i
	}
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}

// versionsValue takes one minor of Kubernetes, or the first and last of several.
type versionsValue struct{ from, to *string }

var minorVersion = regexp.MustCompile(`^v?(1\.[0-9]{1,3})(?:\.[0-9]+)?$`)

func (v versionsValue) set(text string) error {
	first, last, isRange := strings.Cut(strings.TrimSpace(text), "-")
	if !isRange {
		last = first
	}
	from, to := minorVersion.FindStringSubmatch(strings.TrimSpace(first)), minorVersion.FindStringSubmatch(strings.TrimSpace(last))
	if from == nil || to == nil {
		return fmt.Errorf("%q is no version of Kubernetes; want a minor such as 1.34, or a range such as 1.33-1.36", text)
	}
	if minorOf(from[1]) > minorOf(to[1]) {
		return fmt.Errorf("%q ends before it begins; want the older version first", text)
	}
	*v.from, *v.to = from[1], to[1]
	return nil
}

func (v versionsValue) reset() { *v.from, *v.to = "", "" }

// minorOf is the number behind the dot.
func minorOf(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "1.")) // it has matched
	return n
}

// countValue takes a number from 0 up, and nothing for none.
type countValue struct{ to **int }

func (v countValue) set(text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number; want 0 or more", text)
	}
	*v.to = &n
	return nil
}

func (v countValue) reset() { *v.to = nil }
