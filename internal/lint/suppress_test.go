package lint

import (
	"reflect"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func TestParseDirective(t *testing.T) {
	for text, want := range map[string]directive{
		"plimsoll:ignore USR-1.a expires=2027-01-31 -- reason":  {[]string{"USR-1.a"}, "2027-01-31", "reason"},
		"plimsoll:ignore USR-1.a,X-01 VUL-OS -- a -- b":         {[]string{"USR-1.a", "X-01", "VUL-OS"}, "", "a -- b"},
		"plimsoll:ignore USR-1.a":                               {[]string{"USR-1.a"}, "", ""},
		"plimsoll:ignore USR-1.a --":                            {[]string{"USR-1.a"}, "", ""},
		"plimsoll:ignore\tUSR-1.a\t--\ttabs":                    {[]string{"USR-1.a"}, "", "tabs"},
		"plimsoll:ignore USR-1.a -- expires=2027-01-31 is text": {[]string{"USR-1.a"}, "", "expires=2027-01-31 is text"},
	} {
		if got, err := parseDirective(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"plimsoll:ignored USR-1.a -- x":                 "no suppression",
		"plimsoll:ignore":                               "no rule is named",
		"plimsoll:ignore all -- x":                      "no rule's id",
		"plimsoll:ignore USR-1.a reason":                "no rule's id",
		"plimsoll:ignore USR-1.a until=2027-01-31 -- x": "only expires",
		"plimsoll:ignore USR-1.a expires=31.1.2027":     "cannot be read",
		"plimsoll:ignore USR-1.a expires=2027-02-30":    "cannot be read",
	} {
		if got, err := parseDirective(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzDirective(f *testing.F) {
	for _, text := range []string{"USR-1.a expires=2027-01-31 -- reason", "-- --", "A-1,,B-2 --", "= -- x", "expires= -- x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDirective(source.Marker + " " + text)
		if err != nil {
			return
		}
		again := source.Marker + " " + strings.Join(d.Rules, ",")
		if d.Expires != "" {
			again += " expires=" + d.Expires
		}
		if d.Reason != "" {
			again += " -- " + d.Reason
		}
		if got, err := parseDirective(again); err != nil || !reflect.DeepEqual(got, d) {
			t.Fatalf("%q is %+v, and written out %q is %+v, %v", text, d, again, got, err)
		}
	})
}
