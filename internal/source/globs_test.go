package source

import (
	"strings"
	"testing"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		match, above  bool
	}{
		{"lib", "lib", true, false},
		{"lib", "usr/lib", true, false},
		{"lib", "usr/lib/x/y", false, true},
		{"lib", "usr/libs/x", false, false},
		{"/lib", "usr/lib", true, false},
		{"./lib/", "usr/lib", true, false},
		{"*.json", "srv/a/x.json", true, false},
		{"srv/*.json", "srv/x.json", true, false},
		{"srv/*.json", "app/srv/x.json", false, false},
		{"/srv/app", "srv/app/x", false, true},
		{"./srv/app/", "srv/app", true, false},
		{"srv/app", "opt/srv/app/x", false, false},
		{"**/test", "a/b/test/x", false, true},
		{"usr/**", "usr/share/x", true, true},
		{"usr/**/doc", "usr/share/a/doc", true, false},
		{"", "x", false, false},
		{"/", "x/y", false, false},
	} {
		g, err := NewGlobs(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if g.Match(c.name) != c.match || g.MatchAbove(c.name) != c.above {
			t.Errorf("%q on %q: %v and above %v, want %v and %v", c.pattern, c.name, g.Match(c.name), g.MatchAbove(c.name), c.match, c.above)
		}
	}
	if _, err := NewGlobs("ok", "a["); err == nil || !strings.Contains(err.Error(), `"a["`) {
		t.Errorf("a malformed pattern gives %v", err)
	}
}
