package kubernetes

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func parse(t testing.TB, text string) (*File, []string) {
	t.Helper()
	src, err := source.NewFile("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, unread := Parse(src)
	var causes []string
	for _, u := range unread {
		if u.Kind != finding.UnreadSource || !strings.Contains(u.Cause, "; ") {
			t.Errorf("%+v has another kind, or does not say what to do", u)
		}
		causes = append(causes, fmt.Sprintf("%d: %s", u.Location.Line, u.Cause))
	}
	return f, causes
}

func subjects(f *File) []string {
	var all []string
	for _, o := range f.Objects {
		all = append(all, fmt.Sprintf("%d %s", o.Node.Key("kind").At().Line, o.Subject()))
	}
	return all
}

func place(at finding.Location) string {
	return fmt.Sprintf("%d:%d-%d:%d", at.Line, at.Column, at.EndLine, at.EndColumn)
}

// The separators that peers count or match wrongly (trivy's splitter).
func TestDocuments(t *testing.T) {
	f, unread := parse(t, "apiVersion: v1\nkind: A\nmetadata: {name: a}\n--- # service\napiVersion: v1\nkind: B\n--- \n"+
		"# only a comment\n---\n\n---\napiVersion: v1\nkind: C\nmetadata: {namespace: n, generateName: c-}\n...\n---\n"+
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: D}\n- apiVersion: v1\n  kind: PodList\n  items: [{apiVersion: v1, kind: E}]\n---\nkind: none\n")
	if len(unread) > 0 {
		t.Errorf("unread: %q", unread)
	}
	if diff := cmp.Diff([]string{"2 A/a", "6 B/", "13 C/n/c-", "20 D/", "23 E/"}, subjects(f)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestUnread(t *testing.T) {
	const good = "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n---\n"
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for name, c := range map[string]struct {
		text, want string
	}{
		"tab":           {"spec:\n\tx: 1\n", "8: is indented with a tab; "},
		"template":      {"a: b\nspec: {{ .Values.x }}\n  x: 1\n", "9: did not find expected key; it looks like a template"},
		"indent":        {"a:\n  b: 1\n c: 2\n", "9: did not find expected key; mend"},
		"duplicate":     {"a: 1\nb:\n  c: 1\n  c: 2\n", "10: key \"c\" stands twice, first on line 9; "},
		"bomb":          {bomb.String(), "7: holds more than 1000000 values once its aliases are followed; "},
		"self":          {"a: &a [*a]\n", "7: "},
		"unknown alias": {"a: *nowhere\n", "7: unknown anchor 'nowhere' referenced; "},
		"deep":          {strings.Repeat("[", 300) + strings.Repeat("]", 300), "7: nests deeper than 200 levels; "},
		"unclosed":      {"a: \"b\n", "7: found unexpected end of stream; "},
		"control":       {"a: \x01\n", "7: holds a control character, "},
	} {
		t.Run(name, func(t *testing.T) {
			f, unread := parse(t, good+c.text)
			if diff := cmp.Diff([]string{"2 A/", "5 B/"}, subjects(f)); diff != "" {
				t.Errorf("objects before it (-want +got):\n%s", diff)
			}
			if len(unread) != 1 || !strings.HasPrefix(unread[0], c.want) {
				t.Errorf("unread: %q, want %q", unread, c.want)
			}
		})
	}
	// A document that is not taken hides no other.
	f, unread := parse(t, "a: 1\na: 2\n---\napiVersion: v1\nkind: A\n")
	if len(f.Objects) != 1 || len(unread) != 1 {
		t.Errorf("after a duplicate key: %q, %q", subjects(f), unread)
	}
	if f, unread := parse(t, strings.Repeat("[", 3_000_000+1)); f != nil || len(unread) != 1 {
		t.Errorf("too many values: %q", unread)
	}
}

// What breaks lines in YAML only moves no finding to another line.
func TestOddLineBreaks(t *testing.T) {
	f, unread := parse(t, "apiVersion: v1 # a\rkind: Pod\nmetadata: {name: \"\u2028é\"} # \u0085spec:\r\n  containers:\n  - name: a # \u2028    image: x\n")
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	c := f.Workloads()[0].Containers()[0]
	got := []string{place(f.Objects[0].Node.Get("kind").At()), place(c.Node.Get("name").At()), place(c.Node.Get("image").At())}
	if diff := cmp.Diff([]string{"1:26-1:29", "4:11-4:12", "4:27-4:28"}, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestSpans(t *testing.T) {
	const text = "a: &x 'it''s' # c\r\n" +
		"b: \"日本\\\"x\"\r\n" +
		"c: !!str plain text  # c\r\n" +
		"d: |\r\n  block\r\n\r\n  # text\r\ne:\r\n- &y {f: 1}\r\n- *y\r\n"
	f, unread := parse(t, text)
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	root := f.yaml.Documents[0]
	var got []string
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		got = append(got, key+" "+place(root.Get(key).At()))
	}
	want := []string{"a 1:7-1:14", "b 2:4-2:11", "c 3:10-3:20", "d 4:4-8:1", "e 9:1-9:12"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if got := root.Get("e").Items()[1].Get("f").Text(); got != "1" {
		t.Errorf("an alias gives %q", got)
	}
}

func TestMerges(t *testing.T) {
	f, _ := parse(t, "base: &b {x: 1, y: 1}\nm: {<<: [*b, {z: 3}], x: 2}\n")
	m := f.yaml.Documents[0].Get("m")
	if got := m.Get("x").Text() + m.Get("y").Text() + m.Get("z").Text() + m.Get("none").Text(); got != "213" {
		t.Errorf("merged values are %q", got)
	}
}

const pods = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false }
      initContainers:
        - { name: migrate }
        - { name: proxy, restartPolicy: Always }
      containers:
        - name: web
          securityContext: { runAsNonRoot: false }
        - image: nameless
      ephemeralContainers: [{ name: debug }]
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly }
spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: job }] } } } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web } }
---
apiVersion: v1
kind: Service
metadata: { name: other }
spec: { selector: { app: web } }
`

func TestWorkloads(t *testing.T) {
	f, _ := parse(t, pods)
	set := NewSet([]*File{f}, Kustomizations{})
	all := set.Workloads()
	var got []string
	for _, w := range all {
		for _, c := range w.Containers() {
			got = append(got, fmt.Sprintf("%s %s %d %s", w.Subject(), c.Path, c.Role, place(c.At())))
		}
	}
	want := []string{
		"Deployment/shop/web spec.template.spec.initContainers[migrate] 1 10:19-10:26",
		"Deployment/shop/web spec.template.spec.initContainers[proxy] 2 11:19-11:24",
		"Deployment/shop/web spec.template.spec.containers[web] 0 13:17-13:20",
		"Deployment/shop/web spec.template.spec.containers[1] 0 15:11-15:26",
		"Deployment/shop/web spec.template.spec.ephemeralContainers[debug] 3 16:37-16:42",
		"CronJob/nightly spec.jobTemplate.spec.template.spec.containers[job] 0 21:73-21:76",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	// What the pod says holds where a container is silent, and only there (B4).
	containers := all[0].Containers()
	if on, _ := containers[0].Security("runAsNonRoot").Bool(); !on {
		t.Error("the pod's runAsNonRoot is not inherited")
	}
	if on, ok := containers[2].Security("runAsNonRoot").Bool(); on || !ok {
		t.Error("the container's runAsNonRoot does not win")
	}
	if containers[0].Security("allowPrivilegeEscalation").Exists() {
		t.Error("a field that pods do not have is inherited")
	}
	if !set.Served(all[0]) || set.Served(all[1]) || !all[1].RunsToEnd() || all[0].RunsToEnd() {
		t.Error("services or ends are wrong")
	}
}

func TestComments(t *testing.T) {
	const text = `# plimsoll:ignore A-1.a -- the whole object
apiVersion: v1
kind: Pod
spec:
  # plimsoll:ignore A-1.a -- the list under the key
  containers:
    # plimsoll:ignore A-1.a -- one container
    - name: a
      image: x # plimsoll:ignore A-1.a -- the line
      command: [x]
    - name: "b # plimsoll:ignore A-1.a -- text"
      # plimsoll:ignore A-1.a -- one value
      args: |
        # plimsoll:ignore A-1.a -- text
        x
      stdin: true
--- # plimsoll:ignore A-1.a -- the separator's line
apiVersion: v1
kind: A
# plimsoll:ignore A-1.a -- nothing below
`
	f, unread := parse(t, text)
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	var got []string
	for _, c := range f.Comments() {
		got = append(got, fmt.Sprintf("%s %d-%d", place(c.At), c.From, c.To))
	}
	want := []string{
		"1:1-1:44 2-16", "5:3-5:52 6-16", "7:5-7:45 8-10", "9:16-9:51 9-9", "12:7-12:43 13-15", "17:5-17:52 17-17", "20:1-20:41 0-0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

func TestKustomizations(t *testing.T) {
	file := func(path, text string) *source.File {
		src, err := source.NewFile(path, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	k := ReadKustomizations([]*source.File{
		file("prod/kustomization.yaml", "patches:\n- path: ../patch.yaml\n- patch: |\n    x: 1\npatchesStrategicMerge: [a.yaml]\nimages:\n- {name: web, newTag: v1}\n- {name: db, newTag: latest}\n- {name: \"controller:latest\", newTag: v2}\n"),
		file("broken/kustomization.yaml", "a: ["),
	})
	if diff := cmp.Diff(map[string]string{"patch.yaml": "prod/kustomization.yaml", "prod/a.yaml": "prod/kustomization.yaml"}, k.Patches); diff != "" {
		t.Errorf("patches (-want +got):\n%s", diff)
	}
	if set := NewSet(nil, k); set.Replaced("web") == "" || set.Replaced("db") != "" || set.Replaced("controller") == "" {
		t.Error("replaced images are wrong")
	}
}

func TestJSON(t *testing.T) {
	f, unread := parse(t, "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"spec\": {\"containers\": [{\"name\": \"é\", \"image\": \"x\"}]}\n}\n")
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	if got := place(f.Workloads()[0].Containers()[0].Node.Get("image").At()); got != "4:49-4:52" {
		t.Errorf("the image is at %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pods)
	for _, text := range []string{
		"a: &a [*a]\n", "a: |\n b", "a: >+2\n\n", "? a\n: b", "<<: {apiVersion: v1, kind: A}\n", "apiVersion: v1\nkind: Secret\ndata: {a: |\n b}\n",
		"- - - a: |2\n", "a: !!binary x\n", "apiVersion: v1\nkind: Pod\nspec: {containers: [{env: [{name: TOKEN, value: 'x}]}]}", "# plimsoll:ignore\n", "\t", "&a &b c", "a: \"\\",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("x.yaml", []byte(text))
		if err != nil {
			return
		}
		file, unread := Parse(src)
		for _, u := range unread {
			if u.Cause == "" || u.Location.Line > src.Lines()+1 {
				t.Fatalf("record %+v", u)
			}
		}
		if file == nil {
			return
		}
		within := func(at finding.Location) {
			line, ok := src.Line(at.Line)
			if !ok || at.Column < 1 || at.Column > utf8.RuneCountInString(line)+2 || at.EndLine < at.Line || at.EndLine > src.Lines() {
				t.Fatalf("%s is not inside", place(at))
			}
		}
		for _, w := range NewSet([]*File{file}, Kustomizations{}).Workloads() {
			for _, c := range w.Containers() {
				within(c.At())
				c.Security("privileged").Bool()
			}
		}
		for _, at := range file.Masked() {
			within(at)
		}
	})
}
