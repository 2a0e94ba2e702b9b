package fix

import (
	"slices"
	"sort"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// maxNodes bounds the values of one YAML document: what was judged holds no more.
const maxNodes = 1_000_000

// same says that a new text can be read and means what the old one did but for the
// places of the edits.
func same(before lint.Source, text string, edits []finding.Edit) bool {
	after, err := source.NewFile(before.Path, []byte(text))
	if err != nil || after.Text != text { // a text that begins with a mark is another on the disk
		return false
	}
	m := mapping{before: before.File, after: after, edits: edits}
	shift := 0
	for _, e := range edits {
		m.shifts = append(m.shifts, shift)
		shift += len(e.New) - (e.End - e.Start)
	}
	if before.Kind == source.Dockerfile {
		return m.dockerfiles()
	}
	return m.documents()
}

// mapping relates the places of two texts.
type mapping struct {
	before, after *source.File
	edits         []finding.Edit
	shifts        []int // of each edit, how far what precedes it has moved
}

// changed says whether an edit touches the bytes [start, end) of the old text.
func (m *mapping) changed(start, end int) bool {
	i := sort.Search(len(m.edits), func(i int) bool { return m.edits[i].End >= start })
	return i < len(m.edits) && m.edits[i].Start <= end
}

// removed says whether an edit takes away the byte at an offset of the old text.
func (m *mapping) removed(offset int) bool {
	i := sort.Search(len(m.edits), func(i int) bool { return m.edits[i].End > offset })
	return i < len(m.edits) && m.edits[i].Start <= offset
}

// made says whether an edit wrote the byte at an offset of the new text.
func (m *mapping) made(offset int) bool {
	i := sort.Search(len(m.edits), func(i int) bool { return m.edits[i].Start+m.shifts[i]+len(m.edits[i].New) >= offset })
	return i < len(m.edits) && m.edits[i].Start+m.shifts[i] <= offset
}

// moved is where a byte of the old text that no edit touches stands in the new one.
func (m *mapping) moved(offset int) int {
	i := sort.Search(len(m.edits), func(i int) bool { return m.edits[i].Start >= offset })
	if i == 0 {
		return offset
	}
	last := m.edits[i-1]
	return offset + m.shifts[i-1] + len(last.New) - (last.End - last.Start)
}

func offsets(f *source.File, at finding.Location) (start, end int) {
	return f.Offset(at.Line, at.Column), f.Offset(at.EndLine, at.EndColumn)
}

// dockerfiles says that the instructions that no edit touches are the same in both
// texts, and stand where they did.
func (m *mapping) dockerfiles() bool {
	was, _ := dockerfile.Parse(m.before, dockerfile.Build{})
	is, _ := dockerfile.Parse(m.after, dockerfile.Build{})
	if was == nil || is == nil || was.Escape != is.Escape || was.Syntax != is.Syntax || len(was.Stages) != len(is.Stages) {
		return false
	}
	old := slices.DeleteFunc(instructions(was), func(in *dockerfile.Instruction) bool { return m.changed(offsets(m.before, in.At)) })
	now := slices.DeleteFunc(instructions(is), m.touched)
	return slices.EqualFunc(old, now, func(a, b *dockerfile.Instruction) bool {
		start, end := offsets(m.before, a.At)
		from, to := offsets(m.after, b.At)
		return a.Name == b.Name && a.Exec == b.Exec && slices.Equal(a.Args, b.Args) && from == m.moved(start) && to-from == end-start
	})
}

// touched says that an instruction of the new text holds what an edit wrote, or
// stands where it took something away.
func (m *mapping) touched(in *dockerfile.Instruction) bool {
	start, end := offsets(m.after, in.At)
	i := sort.Search(len(m.edits), func(i int) bool { return m.edits[i].Start+m.shifts[i]+len(m.edits[i].New) >= start })
	return i < len(m.edits) && m.edits[i].Start+m.shifts[i] <= end
}

func instructions(f *dockerfile.File) []*dockerfile.Instruction {
	all := slices.Clone(f.Globals)
	for _, s := range f.Stages {
		all = append(append(all, s.From), s.Instructions...)
	}
	return all
}

// documents compares all YAML documents.
func (m *mapping) documents() bool {
	was, unread := yaml.Parse(m.before, maxNodes)
	is, unreadNow := yaml.Parse(m.after, maxNodes)
	if was == nil || is == nil || len(unread) != len(unreadNow) || len(was.Documents) != len(is.Documents) {
		return false
	}
	for i := range was.Documents {
		if !m.nodes(was.Documents[i], is.Documents[i]) {
			return false
		}
	}
	return true
}

// nodes says that two values are the same but where edits were made.
func (m *mapping) nodes(was, is yaml.Node) bool {
	if was.Tag() != is.Tag() {
		return false
	}
	switch {
	case was.IsMap() && is.IsMap():
		return m.entries(was.Entries(), is.Entries())
	case was.IsList() && is.IsList():
		old, now := was.Items(), is.Items()
		if len(old) != len(now) {
			return false
		}
		for i := range old {
			if !m.nodes(old[i], now[i]) {
				return false
			}
		}
		return true
	case was.IsScalar() && is.IsScalar():
		if was.Text() == is.Text() && was.Type() == is.Type() {
			return true
		}
		start, end := offsets(m.before, was.Resolved().At())
		return m.changed(start, end)
	}
	return false
}

func (m *mapping) entries(old, now []yaml.Entry) bool {
	values := make(map[string]yaml.Node, len(now))
	for _, e := range now {
		values[e.Key.Text()] = e.Value
	}
	known := make(map[string]bool, len(old))
	for _, e := range old {
		known[e.Key.Text()] = true
		if value, ok := values[e.Key.Text()]; ok {
			if !m.nodes(e.Value, value) {
				return false
			}
			continue
		}
		if start, _ := offsets(m.before, e.Key.At()); !m.removed(start) {
			return false
		}
	}
	for _, e := range now {
		if start, _ := offsets(m.after, e.Key.At()); !known[e.Key.Text()] && !m.made(start) {
			return false
		}
	}
	return true
}
