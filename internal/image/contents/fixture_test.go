package contents_test

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

// file is one entry of a layer; a directory has a slash at its end.
type file struct {
	name, body string
	link, hard string
	mode       int64 // 0644, and 0755 of directories, when 0
	uid, gid   int
}

// tarball writes a layer.
func tarball(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.body)), Uid: f.uid, Gid: f.gid}
		switch {
		case f.link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
		case f.hard != "":
			h.Typeflag, h.Linkname = tar.TypeLink, f.hard
		case f.name[len(f.name)-1] == '/':
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if f.mode != 0 {
			h.Mode = f.mode
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// open makes an image of layers, and walks it.
func open(t testing.TB, config v1.Config, layers ...[]file) *contents.Image {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, files := range layers {
		var err error
		if img, err = mutate.AppendLayers(img, static.NewLayer(tarball(t, files...), types.OCIUncompressedLayer)); err != nil {
			t.Fatal(err)
		}
	}
	return walk(t, img, config)
}

func walk(t testing.TB, img v1.Image, config v1.Config) *contents.Image {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	v := contents.NewVisitor()
	whole := image.Image{Image: img, Config: file, Reference: "app:1", Platform: "linux/amd64"}
	if err := layer.Walk(t.Context(), whole, layer.DefaultLimits(), v); err != nil {
		t.Fatal(err)
	}
	return v.Image(whole)
}

// program is the smallest ELF file that names a loader, or none.
func program(loader string, machine elf.Machine) string {
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
