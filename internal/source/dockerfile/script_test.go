package dockerfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// commands tells the commands of every script of a file, with their places.
func commands(f *File) []string {
	var all []string
	for _, s := range f.Stages {
		for _, in := range s.Instructions {
			if in.Trigger != nil && in.Trigger.Script != nil {
				all = append(all, in.Trigger.Name+" for others")
			}
			if in.Script == nil {
				continue
			}
			for _, c := range in.Script.Commands {
				words := append(append([]string{}, c.Prefix...), c.Name)
				for _, w := range c.Words {
					words = append(words, w.Text)
				}
				text := strings.Join(words, " ")
				if c.To != nil {
					text += " | " + c.To.Name
				}
				if c.Redirects {
					text += " >"
				}
				all = append(all, in.Name+" "+place(c.At)+" "+text)
			}
		}
	}
	return all
}

func TestScripts(t *testing.T) {
	const text = "FROM a\n" +
		"RUN --mount=type=cache,target=/x set -e; \\\n" +
		"    # a comment\n" +
		"\n" +
		"    sudo -E apt-get install -y \"é\" 'b c' $D \\\n" +
		"    && X=1 env Y=2 curl -s u | tar x > /dev/null\n" +
		"RUN <<EOF\n" +
		"if true; then\n" +
		"\tcd /x\n" +
		"fi\n" +
		"EOF\n" +
		"RUN <<A bash && cat <<B\n" +
		"one\n" +
		"A\n" +
		"two\n" +
		"B\n" +
		"RUN [\"/bin/sh\", \"-c\", \"a && b\"]\n" +
		"RUN [\"x\", \"-y\"]\n" +
		"RUN bash -c 'é && c'\n" +
		"RUN echo $(d) \"$(e <(f))\"\n" +
		"RUN if (\n" +
		"ONBUILD RUN g\n" +
		"HEALTHCHECK --interval=1s CMD h || exit 1\n" +
		"HEALTHCHECK CMD [\"i\", \"j\"]\n" +
		"SHELL [\"powershell\", \"-Command\"]\n" +
		"RUN k\n" +
		"FROM mcr.microsoft.com/windows/nanoserver:ltsc2025\n" +
		"RUN l\n"
	want := []string{
		"RUN 2:34-2:40 set -e",
		"RUN 5:5-5:44 sudo apt-get install -y é b c ${D}",
		"RUN 6:8-6:29 env curl -s u | tar",
		"RUN 6:32-6:37 tar x >",
		"RUN 8:4-8:8 true", "RUN 9:2-9:7 cd /x",
		"RUN 12:9-12:13 bash", "RUN 13:1-13:4 one", "RUN 12:17-12:20 cat",
		"RUN 17:5-17:32 a", "RUN 17:5-17:32 b",
		"RUN 18:5-18:16 x -y",
		"RUN 19:5-19:21 bash -c é && c", "RUN 19:14-19:15 é", "RUN 19:19-19:20 c",
		"RUN 20:5-20:26 echo $(…) $(…)", "RUN 20:12-20:13 d", "RUN 20:18-20:24 e $(…)", "RUN 20:22-20:23 f",
		"RUN for others",
		"HEALTHCHECK 23:31-23:32 h", "HEALTHCHECK 23:36-23:42 exit 1",
		"HEALTHCHECK 24:13-24:27 i j",
	}
	f := mustParse(t, text, Build{})
	if diff := cmp.Diff(want, commands(f)); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if broken := f.Stages[0].Instructions[7].Script; broken == nil || broken.Parsed {
		t.Errorf("what no shell reads is %+v", broken)
	}
}

// FuzzScript holds that every place of a command is inside of its instruction, and
// that the text there begins with what the command does.
func FuzzScript(f *testing.F) {
	for _, text := range []string{
		"RUN a && \\\n b", "RUN <<E\na\nE", "RUN <<E bash\n$(a)\nE\n", "RUN [\"sh\",\"-c\",\"a\"]", "RUN a <<-E\n\tb\n\tE\n", "RUN sh -c 'a \\\n b'",
		"RUN sh -c \"é $(b)\"", "# escape=`\nRUN a `\n#x\n b", "ONBUILD RUN a|b", "HEALTHCHECK CMD a", "CMD a;b", "RUN echo \"\\\na\"", "RUN --a=b \\\n c\r\n",
		"RUN echo 'x:hunter2'|chpasswd", "RUN a <<A <<B\nA\nB", "RUN sh <<A\n<<B\nA",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("Dockerfile", []byte("FROM a\n"+text))
		if err != nil {
			return
		}
		file, _ := Parse(src, Build{})
		if file == nil {
			return
		}
		for _, s := range file.Stages {
			for _, in := range s.Instructions {
				for _, script := range []*Script{in.Script, trigger(in)} {
					if script == nil {
						continue
					}
					for _, c := range script.Commands {
						if c.At.Line < in.At.Line || c.At.EndLine > in.At.EndLine || c.At.Line > c.At.EndLine || c.At.Column < 1 {
							t.Fatalf("%q at %s is not inside of %s", c.Name, place(c.At), place(in.At))
						}
						for _, w := range c.Words {
							if w.At.Line < in.At.Line || w.At.EndLine > in.At.EndLine {
								t.Fatalf("the word %q at %s is not inside of %s", w.Text, place(w.At), place(in.At))
							}
						}
					}
				}
			}
		}
	})
}

func trigger(in *Instruction) *Script {
	if in.Trigger == nil {
		return nil
	}
	return in.Trigger.Script
}
