package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cli"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// full has an adapter, so that every command is there; none is run.
var full = cli.Deps{
	Version: "test", Builder: func(build.Options) build.Builder { return nil }, Analyzer: func() scan.Analyzer { return nil },
}

// help is what "plimsoll help ARGS" prints.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), append([]string{"help"}, args...), cli.Host{
		Getenv: func(string) string { return "" }, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
	}, full)
	if code != cli.ExitPass {
		t.Fatalf("help %v: exit %d: %s", args, code, stderr.String())
	}
	return stdout.String()
}

func TestPages(t *testing.T) {
	t.Parallel()
	usage := help(t)
	var page strings.Builder
	page.WriteString("# Commands\n\n<!-- generated; run: make generate -->\n\n```\n" + usage + "```\n")
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z]+)`).FindAllStringSubmatch(usage, -1) {
		fmt.Fprintf(&page, "\n## plimsoll %s\n\n```\n%s```\n", match[1], help(t, match[1]))
	}
	compare(t, "cli.md", page.String())

	page.Reset()
	page.WriteString("# Settings\n\n<!-- generated; run: make generate -->\n\n" +
		"Each is a flag (`--name=value`), an input of the action and a key of `.plimsoll.yaml`, unless it says otherwise. A flag wins over an input, an input over the file, the nearest file over one further up, and anything over the default. Lists take several flags, or commas; in the file they are YAML lists.\n")
	group := ""
	for _, s := range config.Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&page, "\n## %s\n\n| setting | default | commands | what it does |\n|---|---|---|---|\n", group)
		}
		commands, what := strings.Join(s.Commands, ", "), s.Usage
		if commands == "" {
			commands = "all"
		}
		if len(s.Allowed) > 0 {
			what += " (" + strings.Join(s.Allowed, ", ") + ")"
		}
		switch {
		case s.InputOnly:
			what += "; input of the action only"
		case s.FlagOnly:
			what += "; flag only"
		case s.Secret:
			what += "; not in the file"
		}
		standard := ""
		if s.Default != "" {
			standard = "`" + s.Default + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", s.Name, standard, commands, what)
	}
	compare(t, "settings.md", page.String())
}

func compare(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	got, err := os.ReadFile(path)
	if err == nil && string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("docs/%s is not what the code says; run: make generate", name)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
