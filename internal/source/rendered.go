package source

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// NewRendered indexes a text that a tool made of other files, above all of the one
// at path. Places in it are told as place says, for the bytes [start, end) of the
// text: in the file that a person would mend. It fails as NewFile does.
func NewRendered(path, text string, place func(start, end int) finding.Location) (*File, error) {
	f, err := NewFile(path, []byte(text))
	if err != nil {
		return nil, err
	}
	f.place = place
	return f, nil
}

// Rendered says that the text is nowhere in the tree as it stands here.
func (f *File) Rendered() bool { return f.place != nil }
