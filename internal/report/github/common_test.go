package github

import (
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func TestCommon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, reading)
	c, _ := w.client(Options{})
	_, left, err := c.Common(t.Context(), repo, "main", w.head)
	if err != nil {
		t.Fatal(err)
	}
	now := w.tip("main")
	tip, common, err := c.Common(t.Context(), repo, "main", w.head)
	if err != nil || tip != now || common != left || common == tip {
		t.Errorf("tip %s, common %s, %v; want %s and %s", tip, common, err, now, left)
	}
	if _, _, err := c.Common(t.Context(), repo, "gone", w.head); !isKind(err, NotFound) {
		t.Errorf("a branch that is not there: %v", err)
	}
	if _, _, err := c.Common(t.Context(), repo, "main", "HEAD"); err == nil {
		t.Error("HEAD is taken for a commit")
	}
}
