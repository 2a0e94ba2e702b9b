package report

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Whatever a result holds, writing and reading it gives it back, and writing it
// again gives the same bytes.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var want verdict.Result
		scatter(reflect.ValueOf(&want).Elem(), random)
		for i := range want.Findings {
			want.Findings[i].Rule.ID += strconv.Itoa(i) // rules of one id are one rule
		}
		finding.Sort(want.Findings)
		data := render(t, func(b *bytes.Buffer) error { return WriteJSON(b, want) })
		got, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("what was read is not what was written (-want +got):\n%s", diff)
		}
		if again := render(t, func(b *bytes.Buffer) error { return WriteJSON(b, got) }); !bytes.Equal(data, again) {
			t.Fatalf("other bytes the second time:\n%s", cmp.Diff(string(data), string(again)))
		}
	}
}

// scatter fills a value at random, within what its types allow.
func scatter(v reflect.Value, random *rand.Rand) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(random.Int64N(4e9), random.Int64N(1e9)).UTC()))
		return
	case finding.Severity:
		v.SetInt(random.Int64N(int64(finding.Critical) + 1))
		return
	case finding.Status:
		v.SetInt(random.Int64N(int64(finding.Fixed) + 1))
		return
	case verdict.Decision:
		v.SetInt(random.Int64N(int64(verdict.Indeterminate) + 1))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.ToValidUTF8(reporttest.Strings()[random.IntN(len(reporttest.Strings()))], "?"))
	case reflect.Int, reflect.Int64:
		v.SetInt(random.Int64() - random.Int64())
	case reflect.Bool:
		v.SetBool(random.IntN(2) == 0)
	case reflect.Pointer:
		if random.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			scatter(v.Elem(), random)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			scatter(v.Index(i), random)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			scatter(field, random)
		}
	default:
		panic("scatter does not know " + v.Type().String())
	}
}

func TestWriteJSONLeavesTheResultAlone(t *testing.T) {
	t.Parallel()
	r := reporttest.Failed()
	r.Started = r.Started.In(time.FixedZone("here", 3600))
	before := reporttest.Failed()
	before.Started = r.Started
	render(t, func(b *bytes.Buffer) error { return WriteJSON(b, r) })
	if diff := cmp.Diff(before, r); diff != "" {
		t.Errorf("the result changed:\n%s", diff)
	}
}

func TestReadJSONRefuses(t *testing.T) {
	t.Parallel()
	good := string(render(t, func(b *bytes.Buffer) error { return WriteJSON(b, reporttest.Failed()) }))
	change := func(from, to string) string {
		t.Helper()
		if !strings.Contains(good, from) {
			t.Fatalf("the fixture does not hold %s", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	tests := map[string]struct {
		data string
		want []string
	}{
		"nothing":              {"", []string{"line 1, column 1", "ends in the middle"}},
		"a cut file":           {good[:2000], []string{"line 72, column 2", "ends in the middle"}},
		"a damaged file":       {change(`"decision":`, `"decision";`), []string{"line 23, column", "';'"}},
		"text after it":        {good + "{}", []string{"line " + strconv.Itoa(strings.Count(good, "\n")+1), "after top-level value"}},
		"text":                 {"pass: all is well", []string{"line 1, column"}},
		"another list":         {"[]", []string{"line 1"}},
		"another document":     {`{"SchemaVersion": 2, "ArtifactName": "alpine"}`, []string{"not a report of plimsoll"}},
		"a newer version":      {change(`"schemaVersion": 1`, `"schemaVersion": 2`), []string{"schema version 2", "reads up to 1", "newer one"}},
		"version zero":         {change(`"schemaVersion": 1`, `"schemaVersion": 0`), []string{"not a report of plimsoll"}},
		"a number as text":     {change(`"enforced": true`, `"enforced": "yes"`), []string{"line ", "enforced"}},
		"an unknown verdict":   {change(`"decision": "fail"`, `"decision": "maybe"`), []string{"line ", `"maybe"`, "want pass, fail or indeterminate"}},
		"an unknown severity":  {change(`"severity": "high",`, `"severity": "grave",`), []string{"line ", `"grave"`}},
		"a rule that is amiss": {change("\"rule\": \"SEC-1.c\",\n      \"severity\"", "\"rule\": \"SEC-9.z\",\n      \"severity\""), []string{"findings[", `"SEC-9.z"`, "changed or damaged"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadJSON(strings.NewReader(test.data))
			if err == nil {
				t.Fatal("it was read")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

func TestReadJSONIsBounded(t *testing.T) {
	t.Parallel()
	good := render(t, func(b *bytes.Buffer) error { return WriteJSON(b, reporttest.Failed()) })
	if _, err := readJSON(bytes.NewReader(good), int64(len(good))); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	if _, err := readJSON(bytes.NewReader(good), 1000); err == nil || !strings.Contains(err.Error(), "larger than 1.0 kB") {
		t.Errorf("got %v", err)
	}
}

// An unknown severity in the middle of the findings is found by its place.
func TestReadJSONNamesTheElement(t *testing.T) {
	t.Parallel()
	good := string(render(t, func(b *bytes.Buffer) error { return WriteJSON(b, reporttest.Many(20)) }))
	at := strings.LastIndex(good, `"severity": "medium"`)
	bad := good[:at] + `"severity": "grave"` + good[at+len(`"severity": "medium"`):]
	from := strings.Count(bad[:strings.LastIndex(bad[:at], "{\n      \"fingerprint\"")], "\n") + 1
	to := strings.Count(bad[:at], "\n") + 1
	_, err := ReadJSON(strings.NewReader(bad))
	if err == nil {
		t.Fatal("it was read")
	}
	for line := from; line <= to; line++ {
		if strings.Contains(err.Error(), "line "+strconv.Itoa(line)+",") {
			return
		}
	}
	t.Errorf("want a line from %d to %d: %v", from, to, err)
}

func FuzzReadJSON(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		Annotations(first)
		var written bytes.Buffer
		if err := WriteJSON(&written, first); err != nil {
			return // a year past 9999 in UTC
		}
		second, err := ReadJSON(bytes.NewReader(written.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, written.Bytes())
		}
		if again := render(t, func(b *bytes.Buffer) error { return WriteJSON(b, second) }); !bytes.Equal(written.Bytes(), again) {
			t.Fatal(cmp.Diff(written.String(), string(again)))
		}
	})
}
