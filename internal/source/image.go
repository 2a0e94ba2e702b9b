package source

import (
	"regexp"
	"strings"
)

// Image is a reference to an image, in the parts that a person wrote.
type Image struct {
	Name   string // registry and repository: "registry:5000/team/app"
	Tag    string
	Digest string // "sha256:…"
}

// The grammar of github.com/distribution/reference, which the registries share.
var imageName = regexp.MustCompile(`^(?:[A-Za-z0-9.-]+(?::[0-9]+)?/|\[[0-9A-Fa-f:]+\](?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)

// ParseImage splits a reference. The colon of a registry's port begins no tag.
// It is false for what is no reference: a placeholder such as "${IMAGE}".
func ParseImage(text string) (Image, bool) {
	var i Image
	i.Name, i.Digest, _ = strings.Cut(strings.TrimSpace(text), "@")
	if colon := strings.LastIndex(i.Name, ":"); colon > strings.LastIndex(i.Name, "/") {
		i.Name, i.Tag = i.Name[:colon], i.Name[colon+1:]
		if i.Tag == "" {
			return Image{}, false
		}
	}
	ok := imageName.MatchString(i.Name) && !strings.ContainsAny(i.Tag+i.Digest, "${}<> \t")
	return i, ok
}

// Floating says that the image has neither a digest nor a tag that says which
// version it is.
func (i Image) Floating() bool { return i.Digest == "" && (i.Tag == "" || i.Tag == "latest") }

// String joins the parts.
func (i Image) String() string {
	text := i.Name
	if i.Tag != "" {
		text += ":" + i.Tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}
