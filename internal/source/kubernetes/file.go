// Package kubernetes is the positioned model of Kubernetes manifests: YAML nodes
// with small typed views on the workloads in them. Kinds that it does not know
// are counted and otherwise left alone.
package kubernetes

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// The bounds on one file. What lies above them is written to break readers, not
// to be applied: the largest objects in the wild (custom resource definitions)
// nest some 60 levels and hold some 100,000 nodes.
const (
	maxDepth  = 200
	maxNodes  = 1_000_000 // with every alias followed
	maxTokens = 3_000_000 // characters that can begin a node
)

// File is one manifest file.
type File struct {
	Source *source.File
	// Objects are those of all documents, the items of Lists unrolled, in order.
	Objects []*Object

	documents []*yaml.Node
	comments  []source.Comment
	masked    []finding.Location
}

// Comments are the comments that excuse something, with the lines they cover.
func (f *File) Comments() []source.Comment { return f.comments }

// Masked are the places of values that may be secrets and are never shown.
func (f *File) Masked() []finding.Location { return f.masked }

// Object is one Kubernetes object.
type Object struct {
	File                              *File
	Node                              Node
	APIVersion, Kind, Namespace, Name string
}

// Subject names an object in findings and fingerprints: kind, namespace where it
// has one, and name.
func (o *Object) Subject() string {
	if o.Namespace == "" {
		return o.Kind + "/" + o.Name
	}
	return o.Kind + "/" + o.Namespace + "/" + o.Name
}

// Parse reads a file of one or more documents. Each document that cannot be
// judged is an unread record, and the others are judged all the same; after a
// syntax error YAML has no way to go on, so the rest of the file is part of it.
func Parse(src *source.File) (*File, []finding.Unread) {
	f := &File{Source: src}
	if n := tokens(src.Text); n > maxTokens {
		return nil, []finding.Unread{src.Unread(0, fmt.Sprintf("holds some %d values, more than the limit of %d; split it or skip it", n, maxTokens))}
	}
	text, unread := f.printable()
	starts := yamlLines(text)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		document, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			unread = append(unread, f.syntax(err))
			break
		}
		if starts != nil {
			f.relocate(document, starts)
		}
		if line, err := check(document); err != nil {
			unread = append(unread, src.Unread(line, err.Error()))
			continue
		}
		f.documents = append(f.documents, document)
		if len(document.Content) == 1 {
			f.collect(Node{f, document.Content[0]}, 0)
		}
	}
	f.collectComments()
	f.collectSecrets()
	return f, unread
}

// tokens counts the characters that can begin a value.
func tokens(text string) int {
	n := strings.Count(text, "- ")
	for _, c := range []string{"\n", ",", ":", "[", "{"} {
		n += strings.Count(text, c)
	}
	return n
}

// printable returns the documents before the first character that YAML forbids.
// The parser reads ahead and would give up before them.
func (f *File) printable() (string, []finding.Unread) {
	text := f.Source.Text
	offset := strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7F && r < 0xA0 && r != 0x85 || r == 0xFFFE || r == 0xFFFF
	})
	if offset < 0 {
		return text, nil
	}
	line, _ := f.Source.Position(offset)
	unread := f.Source.Unread(line, "holds a control character, which YAML forbids; remove it")
	return text[:max(0, strings.LastIndex(text[:offset], "\n---")+1)], []finding.Unread{unread}
}

// yamlLines returns where YAML sees lines begin, nil when that is after every
// line feed as it is for everything else. A lone carriage return, U+0085, U+2028
// and U+2029 break lines in YAML, and so can hide what a comment seems to hold.
func yamlLines(text string) []int {
	odd := strings.ContainsAny(text, "\u0085\u2028\u2029") || strings.Count(text, "\r") != strings.Count(text, "\r\n")
	if !odd {
		return nil
	}
	starts := []int{0}
	for i, r := range text {
		switch {
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case strings.ContainsRune("\n\r\u0085\u2028\u2029", r):
			starts = append(starts, i+utf8.RuneLen(r))
		}
	}
	return starts
}

// relocate turns YAML's lines and columns into those of the file.
func (f *File) relocate(n *yaml.Node, starts []int) {
	if n.Line > 0 && n.Line <= len(starts) {
		n.Line, n.Column = f.Source.Position(f.Source.Skip(starts[n.Line-1], n.Column-1))
	}
	for _, child := range n.Content {
		f.relocate(child, starts)
	}
}

// decode reads one document. A panic in the parser is an error here: the text
// comes from outside.
func decode(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the parser gave up (%v)", r)
		}
	}()
	document = new(yaml.Node)
	err = decoder.Decode(document)
	return document, err
}

var errorPlace = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+):? ?)?`)

// problem is what a parser's error says without its place.
func problem(err error) string { return errorPlace.ReplaceAllString(err.Error(), "") }

// syntax turns a parser's error into a record with its line.
func (f *File) syntax(err error) finding.Unread {
	line := f.problemLine(err)
	if n := f.tab(line); n > 0 {
		return f.Source.Unread(n, "is indented with a tab; YAML allows spaces only")
	}
	advice := "mend the YAML here or just above"
	if strings.Contains(f.Source.Text, "{{") || strings.Contains(f.Source.Text, "{%") {
		advice = "it looks like a template: judge what it renders to, or leave it out with skip-files"
	}
	return f.Source.Unread(line, fmt.Sprintf("%s; %s", problem(err), advice))
}

// maxBisected is the size of a text whose error is looked for line by line.
const maxBisected = 512 << 10

// problemLine finds the line of a syntax error. The parser tells that of the
// block around it, or none; the first line with which the text fails in the same
// way is the one that people have to mend.
func (f *File) problemLine(err error) int {
	around := 0
	if m := errorPlace.FindStringSubmatch(err.Error()); m != nil {
		around, _ = strconv.Atoi(m[1])
	}
	if len(f.Source.Text) > maxBisected {
		return around
	}
	fails := func(n int) bool {
		decoder := yaml.NewDecoder(strings.NewReader(f.Source.Text[:f.Source.LineStart(n+1)]))
		for {
			if _, got := decode(decoder); got != nil {
				return !errors.Is(got, io.EOF) && problem(got) == problem(err)
			}
		}
	}
	line := sort.Search(f.Source.Lines(), func(i int) bool { return fails(i + 1) }) + 1
	if line > f.Source.Lines() {
		return around
	}
	return line
}

// tab returns the first line near line that a tab indents, 0 when none does.
func (f *File) tab(line int) int {
	for n := max(1, line-1); n <= line+1; n++ {
		text, _ := f.Source.Line(n)
		if indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; strings.Contains(indent, "\t") && strings.TrimSpace(text) != "" {
			return n
		}
	}
	return 0
}

// check finds what the parser lets through and a cluster would not take: keys
// that stand twice, and trees that only grow when aliases are followed.
func check(document *yaml.Node) (line int, err error) {
	c := checker{sizes: map[*yaml.Node]int{}}
	c.visit(document, 0)
	return c.line, c.err
}

type checker struct {
	sizes map[*yaml.Node]int // of anchored nodes; -1 while they are open
	line  int
	err   error
}

func (c *checker) fail(line int, format string, args ...any) int {
	if c.err == nil {
		c.line, c.err = line, fmt.Errorf(format, args...)
	}
	return 0
}

// visit returns how many nodes n stands for.
func (c *checker) visit(n *yaml.Node, depth int) int {
	if c.err != nil {
		return 0
	}
	if depth > maxDepth {
		return c.fail(n.Line, "nests deeper than %d levels; flatten it", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		if size := c.sizes[n.Alias]; size >= 0 {
			return size
		}
		return c.fail(n.Line, "alias %q holds itself; write the value out", "*"+n.Value)
	}
	if n.Anchor != "" {
		c.sizes[n] = -1
	}
	size := 1
	for _, child := range n.Content {
		if size += c.visit(child, depth+1); size > maxNodes {
			return c.fail(n.Line, "holds more than %d values once its aliases are followed; write them out or split it", maxNodes)
		}
	}
	if n.Kind == yaml.MappingNode {
		c.duplicates(n)
	}
	if n.Anchor != "" {
		c.sizes[n] = size
	}
	return size
}

func (c *checker) duplicates(n *yaml.Node) {
	if len(n.Content) <= 16 { // nearly every mapping: no map needed
		for i := 0; i < len(n.Content); i += 2 {
			for j := 0; j < i; j += 2 {
				c.duplicate(n.Content[j], n.Content[i])
			}
		}
		return
	}
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if first, ok := seen[key.Value]; ok {
			c.duplicate(first, key)
			continue
		}
		seen[key.Value] = key
	}
}

func (c *checker) duplicate(first, again *yaml.Node) {
	if first.Kind == yaml.ScalarNode && again.Kind == yaml.ScalarNode && first.Value == again.Value && again.Value != "<<" {
		c.fail(again.Line, "key %q stands twice, first on line %d; remove one", again.Value, first.Line)
	}
}

// collect adds the objects in n: n itself, or the items of a List.
func (f *File) collect(n Node, depth int) {
	object := &Object{
		File: f, Node: n,
		APIVersion: n.Get("apiVersion").Text(), Kind: n.Get("kind").Text(),
		Namespace: n.Get("metadata").Get("namespace").Text(), Name: n.Get("metadata").Get("name").Text(),
	}
	if object.APIVersion == "" || object.Kind == "" {
		return
	}
	if items := n.Get("items"); strings.HasSuffix(object.Kind, "List") && items.IsList() && depth < 4 {
		for _, item := range items.Items() {
			f.collect(item, depth+1)
		}
		return
	}
	if object.Name == "" {
		object.Name = n.Get("metadata").Get("generateName").Text()
	}
	f.Objects = append(f.Objects, object)
}

// collectSecrets notes the places of values that no report may show.
func (f *File) collectSecrets() {
	for _, object := range f.Objects {
		if object.Kind == "Secret" {
			for _, section := range []string{"data", "stringData"} {
				for _, entry := range object.Node.Get(section).Entries() {
					f.masked = append(f.masked, entry.Value.At())
				}
			}
		}
	}
	for _, w := range f.Workloads() {
		for _, c := range w.Containers() {
			for _, env := range c.Node.Get("env").Items() {
				value := env.Get("value")
				if value.Exists() && (source.SecretName(env.Get("name").Text()) != source.NoSecret || source.HasToken(value.Text())) {
					f.masked = append(f.masked, value.At())
				}
			}
		}
	}
}
