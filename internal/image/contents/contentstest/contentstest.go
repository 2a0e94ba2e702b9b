// Package contentstest makes tiny images in memory, for tests of what a container
// of an image would find.
package contentstest

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// File is one entry of a layer; the name of a directory has a slash at its end.
type File struct {
	Name, Body string
	// Link and Hard make a symbolic or hard link of it.
	Link, Hard string
	Mode       int64 // 0644, and 0755 of directories, when 0
	UID, GID   int
}

// tarball writes a layer.
func tarball(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.Name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.Body)), Uid: f.UID, Gid: f.GID}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
		case f.Hard != "":
			h.Typeflag, h.Linkname = tar.TypeLink, f.Hard
		case f.Name[len(f.Name)-1] == '/':
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if f.Mode != 0 {
			h.Mode = f.Mode
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.Body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Open makes an image for linux/amd64 of layers, and walks it.
func Open(t testing.TB, config v1.Config, layers ...[]File) *contents.Image {
	t.Helper()
	img := Make(t, config, layers...)
	v := contents.NewVisitor()
	if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), v); err != nil {
		t.Fatal(err)
	}
	return v.Image(img)
}

// Make makes an image for linux/amd64 of layers.
func Make(t testing.TB, config v1.Config, layers ...[]File) image.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		var err error
		if img, err = mutate.AppendLayers(img, static.NewLayer(tarball(t, files...), types.OCIUncompressedLayer)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return image.Image{Image: img, Config: file, Reference: "app:1", Platform: "linux/amd64"}
}

// Program is the smallest ELF file that names a loader, or none.
func Program(loader string, machine elf.Machine) string {
	var b bytes.Buffer
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
	}
	text := elf.Prog64{Type: uint32(elf.PT_LOAD)}
	interp := elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 64 + 2*56, Filesz: uint64(len(loader) + 1)}
	if loader == "" {
		interp = elf.Prog64{Type: uint32(elf.PT_NULL)}
	}
	for _, part := range []any{header, text, interp} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return b.String() + loader + "\x00"
}
