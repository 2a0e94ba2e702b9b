package script

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// told tells the commands of a file with their places, and what excuses cover.
func told(t testing.TB, name, text string) []string {
	t.Helper()
	src, err := source.NewFile(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := Parse(src)
	var all []string
	for _, target := range f.Targets {
		for _, c := range target.Script.Commands {
			words := append([]string{}, target.Names...)
			words = append(words, place(c.At), c.Name)
			for _, w := range c.Words {
				words = append(words, w.Text)
			}
			if c.Remote {
				words = append(words, "(elsewhere)")
			}
			all = append(all, strings.Join(words, " "))
		}
	}
	for _, c := range f.Comments() {
		all = append(all, fmt.Sprintf("%s excuses %d to %d", place(c.At), c.From, c.To))
	}
	for _, at := range f.Unparsed {
		all = append(all, place(at)+" is not known")
	}
	return all
}

func TestMakefile(t *testing.T) {
	const text = `KUBECTL ?= kubectl # the client
TAG = $(shell git describe)
define template
	kubectl scale
endef
# plimsoll:ignore X-1 -- above a target
deploy push: build
	@$(KUBECTL) apply -f a.yaml
	-docker push app:$(TAG) \
		&& echo $$HOME "$@"
ifdef X
	$(unknown tool) x
endif
	# plimsoll:ignore X-1 -- above a line
	helm upgrade é $(é) é
	if (

clean: ; rm -f $(OUT)
a: B = c
%.o: %.c
	cc # plimsoll:ignore X-1 -- behind
`
	want := []string{
		"deploy push 8:3-8:29 kubectl apply -f a.yaml",
		"deploy push 9:3-9:25 docker push app:${_}", "deploy push 10:6-10:22 echo ${HOME} ${_}",
		"deploy push 12:2-12:19  x",
		"deploy push 15:2-15:23 helm upgrade é ${_} é",
		"clean 18:10-18:22 rm -f ${_}",
		"%.o 21:2-21:4 cc",
		"6:1-6:40 excuses 7 to 16", "14:2-14:39 excuses 15 to 15", "21:5-21:36 excuses 21 to 21",
		"16:2-16:6 is not known",
	}
	if diff := cmp.Diff(want, told(t, "Makefile", text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	oneshell := ".ONESHELL:\nx:\n\tif true; then\n\ty\n\tfi\n"
	if diff := cmp.Diff([]string{"x 3:5-3:9 true", "x 4:2-4:3 y"}, told(t, "x.mk", oneshell)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestScriptFile(t *testing.T) {
	const text = `#!/usr/bin/env bash
# plimsoll:ignore X-1 -- all of the loop
# and more
for x in a b; do
  kubectl scale "$x"
done
ssh -i key host "docker exec $a b" # plimsoll:ignore X-1 -- behind
ssh host 'docker exec b'
ssh host <<'EOF'
docker commit c
# plimsoll:ignore X-1 -- text for another machine
EOF
a \
  b # plimsoll:ignore X-1 -- behind two lines
cat <<EOF
kubectl edit x
EOF
`
	want := []string{
		"5:3-5:21 kubectl scale ${x}",
		"7:1-7:35 ssh -i key host docker exec ${a} b",
		"8:1-8:25 ssh host docker exec b", "8:11-8:24 docker exec b (elsewhere)",
		"9:1-9:9 ssh host", "10:1-10:16 docker commit c (elsewhere)",
		"13:1-14:4 a b", "15:1-15:4 cat",
		"2:1-2:41 excuses 4 to 6", "7:36-7:67 excuses 7 to 7", "14:5-14:46 excuses 13 to 14",
	}
	if diff := cmp.Diff(want, told(t, "x.sh", text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := told(t, "x.sh", "#!/usr/bin/env python3\nimport os\n"); got != nil {
		t.Errorf("Python is %q", got)
	}
	if got := told(t, "x.sh", "#!/bin/sh\nif {{ x }} (\n"); len(got) != 1 {
		t.Errorf("a template is %q", got)
	}
}

// FuzzParse: nothing panics, and every place lies in the file.
func FuzzParse(f *testing.F) {
	f.Add("a: b\n\t@x $(Y) \\\n\t$$z ${w}\n# plimsoll:ignore X-1 -- y\nc: ; d\n")
	f.Add("define x\n\ta\nendef\n.ONESHELL:\na::\n\tb\n\tc\n")
	f.Add("X = y\na:\n\t$(X) $(Z\n\t$(")
	f.Add("# plimsoll:ignore X-1 -- y\nssh a <<E\nb\nE\nc # plimsoll:ignore X-1 -- z\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"Makefile", "x.sh"} {
			src, err := source.NewFile(name, []byte(text))
			if err != nil {
				return
			}
			file := Parse(src)
			for _, target := range file.Targets {
				for _, c := range target.Script.Commands {
					line, ok := src.Line(c.At.Line)
					if !ok || c.At.Column < 1 || c.At.Column > utf8.RuneCountInString(line)+1 || c.At.EndLine < c.At.Line {
						t.Fatalf("%q at %s is not in the file", c.Name, place(c.At))
					}
				}
			}
			for _, c := range file.Comments() {
				if c.From > c.To || c.To > src.Lines() {
					t.Fatalf("%s excuses %d to %d of %d", place(c.At), c.From, c.To, src.Lines())
				}
			}
		}
	})
}
