package cli_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// hostile names are of files, of what lies in them, and of what people write.
var hostile = []string{
	"@here", "::error file=x::pwned", "##[error]pwned", "::add-mask::pass", "a|b|c", "new\nline", "cr\r::warning::pwned", "\u202egnp.exe", "</details>", "--><script>",
	"[x](https://evil.example)", "![x](https://evil.example/x.png)", "`code`", "octo/repo#1", "https://evil.example", "~~~", "<!-- plimsoll:c1 key=0 -->", "%0A::error::pwned", "\u2028::error::pwned", "\x1b[31m",
}

// Nothing foreign becomes a command, a mention or markup, wherever it stands.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	change := files{}
	for i, name := range hostile {
		file := strings.ReplaceAll(name, "/", "\u2215")
		if len(file) < 200 && !strings.ContainsRune(file, 0) {
			change["n"+string(rune('a'+i))+"/"+file+".yaml"] = oldDeployment
			change["n"+string(rune('a'+i))+"/"+file+"/Dockerfile"] = "FROM scratch\n# plimsoll:ignore USR-1.a -- " + strings.ReplaceAll(file, "\n", " ") + "\nUSER root\n"
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\x1b", `\e`).Replace(name) + `"`
		change["m"+string(rune('a'+i))+".yaml"] = strings.NewReplacer("name: web\n        image: nginx:latest", "name: "+quoted+"\n        image: "+quoted, "  name: web\nspec", "  name: "+quoted+"\nspec").Replace(oldDeployment)
		change["d"+string(rune('a'+i))+"/Dockerfile"] = "FROM scratch\nLABEL a=" + quoted + "\nUSER " + strings.Map(oneLine, name) + "\nENV API_TOKEN=" + strings.Map(oneLine, name) + "\n"
	}
	change[".plimsoll.yaml"] = "skip-files: [\"::error::pwned\", \"@here</details>\"]\nignore:\n- {rule: USR-1.a, path: \"**\", reason: \"@here ::error::pwned </details><b>\"}\n"
	w.open(files{"Dockerfile": good}, change)
	r := w.run(run{})
	r.is(1, "verdict=fail", "degraded=")
	for _, masked := range r.Masks {
		if masked != secret {
			t.Errorf("%q is masked", masked)
		}
	}
	for _, c := range r.Commands {
		if strings.HasPrefix(c.Data, "pwned") || c.Properties["file"] == "x" {
			t.Errorf("the runner obeyed %q", c)
		}
	}
	for _, name := range []string{"reason", "report", "comment-url"} {
		if strings.ContainsAny(r.Outputs[name], "\n\r") {
			t.Errorf("output %s is %q", name, r.Outputs[name])
		}
	}
	for _, line := range append(r.Log, r.Debug...) {
		if runnertest.IsCommand(line) && !regexp.MustCompile(`^(##\[|::)(group|endgroup|error|warning|notice|debug|add-mask)`).MatchString(line) {
			t.Errorf("a line that could be a command: %q", line)
		}
	}
	for what, text := range map[string]string{"comment": w.comment().Body, "summary": r.Summary} {
		foreign := regexp.MustCompile(`@[a-z]|<script|<b>|evil\.example\)|\x{202e}|\x1b|::error|##\[|octo/repo#1|!\[`)
		if found := foreign.FindAllString(text, -1); len(found) > 0 {
			t.Errorf("%s holds %q", what, found)
		}
		if strings.Count(text, "<details>") != strings.Count(text, "</details>") {
			t.Errorf("%s: %d details begin, %d end", what, strings.Count(text, "<details>"), strings.Count(text, "</details>"))
		}
		for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(link[1], "https://github.com/"+project+"/") {
				t.Errorf("%s links to %q", what, link[1])
			}
		}
		rendered(t, what, text)
	}
}

func oneLine(c rune) rune {
	if c < ' ' || c == ' ' {
		return '_'
	}
	return c
}

// rendered reads Markdown as GitHub's own parser does, where it is installed.
func rendered(t *testing.T, what, text string) {
	t.Helper()
	parser, err := exec.LookPath("cmark-gfm")
	if err != nil {
		return // the regular expressions have looked
	}
	command := exec.CommandContext(t.Context(), parser, "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tagfilter", "-e", "tasklist")
	command.Stdin = strings.NewReader(text)
	html, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9]*)([^>]*)>`).FindAllStringSubmatch(string(html), -1) {
		switch tag[1] {
		case "h3", "h4", "p", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "strong", "em", "details", "summary", "sub", "br", "hr":
		case "a":
			if !strings.HasPrefix(tag[2], ` href="https://github.com/`+project+"/") {
				t.Errorf("%s links to %s", what, tag[0])
			}
		default:
			t.Errorf("%s holds the tag %s", what, tag[0])
		}
	}
}
