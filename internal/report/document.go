package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// SchemaVersion is the major version of report.json (docs/report.schema.json).
// New fields do not change it, and a reader passes over fields it does not know;
// it changes when a field goes or means something else.
const SchemaVersion = 1

// toolName says who wrote the document.
const toolName = "plimsoll"

// maxDocument bounds what ReadJSON takes in: a report of a million findings is
// about as large, and no honest one is larger.
const maxDocument = 256 << 20 // bytes

// document is report.json: the Result, with each rule written once and a
// fingerprint beside each finding. A field here hides the one of the same name in
// the embedded struct (the rule of encoding/json and of the language), so that
// new fields of Result and Finding need no mention here.
type document struct {
	// SchemaVersion is the major version of this document's form.
	SchemaVersion int `json:"schemaVersion"`
	// Tool is "plimsoll".
	Tool string `json:"tool"`
	verdict.Result
	// Rules holds what is wrong in general, by the id that findings name.
	Rules    map[string]finding.Rule `json:"rules"`
	Findings []record                `json:"findings"`
}

// record is one finding in a document.
type record struct {
	// Fingerprint is the finding's identity over time: no line number and no
	// installed version takes part.
	Fingerprint string `json:"fingerprint"`
	// Rule is the id of a rule under "rules".
	Rule string `json:"rule"`
	finding.Finding
}

// WriteJSON writes report.json. Findings are in the order of finding.Sort and
// times in UTC, so that the same result is the same bytes. Findings whose rules
// share an id share the first one's rule. It returns errors of w, and one for a
// time that JSON cannot hold (a year past 9999).
func WriteJSON(w io.Writer, r verdict.Result) error {
	doc := document{
		SchemaVersion: SchemaVersion, Tool: toolName, Result: r,
		Rules: map[string]finding.Rule{}, Findings: make([]record, len(r.Findings)),
	}
	findings := append([]finding.Finding{}, r.Findings...)
	finding.Sort(findings)
	prints := finding.Fingerprints(findings)
	for i, f := range findings {
		if _, known := doc.Rules[f.Rule.ID]; !known {
			doc.Rules[f.Rule.ID] = f.Rule
		}
		doc.Findings[i] = record{Fingerprint: prints[i], Rule: f.Rule.ID, Finding: f}
	}
	doc.Started = r.Started.UTC().Round(0)
	if r.Database != nil {
		d := *r.Database
		d.UpdatedAt, d.FetchedAt = d.UpdatedAt.UTC().Round(0), d.FetchedAt.UTC().Round(0)
		doc.Database = &d
	}
	// A list that is always there is easier to read than one that may be null.
	if doc.Unread == nil {
		doc.Unread = []finding.Unread{}
	}
	if doc.Stages == nil {
		doc.Stages = []verdict.Stage{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}

// ReadJSON reads what WriteJSON of this or any earlier release of the same major
// version wrote, and passes over fields that a later one added. Whatever else it
// is given it refuses, saying where: other JSON, a cut or damaged file, a newer
// major version, more than 256 MiB.
//
// A report says what its writer claims. Nothing here proves it; sign and promote
// compare its digests with what they see.
func ReadJSON(r io.Reader) (verdict.Result, error) { return readJSON(r, maxDocument) }

func readJSON(r io.Reader, limit int64) (verdict.Result, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return verdict.Result{}, fmt.Errorf("reading the report: %w", err)
	}
	if int64(len(data)) > limit {
		return verdict.Result{}, fmt.Errorf("reading the report: it is larger than %s, which no report of plimsoll is", printable.Size(limit))
	}
	var head struct {
		SchemaVersion *int   `json:"schemaVersion"`
		Tool          string `json:"tool"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return verdict.Result{}, fmt.Errorf("reading the report: %w", locate(data, err))
	}
	switch {
	case head.Tool != toolName || head.SchemaVersion == nil || *head.SchemaVersion < 1:
		return verdict.Result{}, errors.New(`reading the report: line 1: this is not a report of plimsoll ("tool" and "schemaVersion" are missing or odd); give a report.json that plimsoll wrote`)
	case *head.SchemaVersion > SchemaVersion:
		return verdict.Result{}, fmt.Errorf("reading the report: it has schema version %d and this plimsoll reads up to %d; use the release that wrote it, or a newer one",
			*head.SchemaVersion, SchemaVersion)
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return verdict.Result{}, fmt.Errorf("reading the report: %w", locate(data, err))
	}
	result := doc.Result
	result.Findings = make([]finding.Finding, len(doc.Findings))
	for i, rec := range doc.Findings {
		rule, known := doc.Rules[rec.Rule]
		if !known {
			return verdict.Result{}, fmt.Errorf("reading the report: findings[%d] names the rule %q, which is not under \"rules\"; the file was changed or damaged", i, rec.Rule)
		}
		result.Findings[i] = rec.Finding
		result.Findings[i].Rule = rule
	}
	return result, nil
}

// locate says on which line and column decoding stopped. Errors of our own types
// (an unknown severity) carry no offset, so the values are tried one by one.
func locate(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var offset int64
	switch {
	case errors.As(err, &syntax):
		if offset = syntax.Offset; offset >= int64(len(bytes.TrimSpace(data))) {
			return fmt.Errorf("%s: the file ends in the middle; it was cut short while it was written or copied", position(data, int64(len(data))))
		}
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		offset = suspect(data)
	}
	if offset < 0 {
		return err
	}
	return fmt.Errorf("%s: %w", position(data, offset), err)
}

// suspect returns the offset of the first value that cannot be decoded: a member
// of the document, or an element of a member that is an array. It is -1 when each
// alone can be.
func suspect(data []byte) int64 {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return -1
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return -1
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return -1
		}
		start := decoder.InputOffset() - int64(len(value))
		if fits(name, value) {
			continue
		}
		elements := json.NewDecoder(bytes.NewReader(value))
		if token, err := elements.Token(); err != nil || token != json.Delim('[') {
			return start
		}
		for elements.More() {
			var element json.RawMessage
			if err := elements.Decode(&element); err != nil {
				return start
			}
			if !fits(name, []byte("["+string(element)+"]")) {
				return start + elements.InputOffset() - int64(len(element))
			}
		}
		return start
	}
	return -1
}

// fits says whether value decodes as the named member of a document.
func fits(name json.Token, value []byte) bool {
	key, err := json.Marshal(name)
	if err != nil {
		return false
	}
	var doc document
	return json.Unmarshal([]byte("{"+string(key)+":"+string(value)+"}"), &doc) == nil
}

// position is one-based; columns count code points.
func position(data []byte, offset int64) string {
	before := data[:max(0, min(offset, int64(len(data))))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[start:])+1)
}
