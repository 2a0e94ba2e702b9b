package contents

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// Kind is what the kernel makes of an executable file.
type Kind string

// The kinds of programs.
const (
	// KindUnknown is one that was not looked at or that nothing here knows: another
	// format, a damaged one, a shared library.
	KindUnknown Kind = "unknown"
	KindELF     Kind = "elf"    // started by a loader, its interpreter
	KindStatic  Kind = "static" // ELF that needs no loader
	KindScript  Kind = "script" // begins with "#!"
	// KindText is text without "#!": shells run it, the kernel and container
	// runtimes refuse it. An empty file is one too.
	KindText Kind = "text"
)

// Program is what the kernel needs to start an executable file.
type Program struct {
	Kind Kind
	// Interpreter is the loader that the ELF file names, or what stands after "#!";
	// both count from the root, or from the working directory if they are relative.
	Interpreter string
	// Argument is what follows the interpreter of a script, as one word.
	Argument string
	// Machine is that of an ELF file.
	Machine elf.Machine
}

// Program tells what an executable file of the image is, as Lookup gave it.
func (i *Image) Program(f layer.File) Program {
	p, ok := i.programs[f.Path]
	if !ok || p.layer != f.Layer.Index {
		return Program{Kind: KindUnknown}
	}
	return p.Program
}

// Interpreter is the loader or the script's interpreter of a program, empty for
// all but KindELF and KindScript.
func (i *Image) Interpreter(f layer.File) (string, Kind) {
	p := i.Program(f)
	return p.Interpreter, p.Kind
}

// The bounds of what is read of a program. The kernel reads a "#!" line of 255
// bytes and a loader's name of PATH_MAX; it takes at most 64 KiB of program headers.
const (
	headBytes   = 256
	loaderBytes = 4096
	headerBytes = 64 << 10
)

// probe looks at the head of a program.
func probe(c io.ReaderAt, size int64) Program {
	head := make([]byte, headBytes)
	n, err := c.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Program{Kind: KindUnknown}
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return probeELF(c, head)
	case bytes.HasPrefix(head, []byte("#!")):
		line, _, whole := bytes.Cut(head[2:], []byte("\n"))
		if !whole && size > headBytes {
			return Program{Kind: KindUnknown}
		}
		name, argument, _ := strings.Cut(strings.Trim(string(line), " \t"), " ")
		name, tabbed, ok := strings.Cut(name, "\t")
		if ok {
			argument = tabbed + " " + argument
		}
		return Program{Kind: KindScript, Interpreter: name, Argument: strings.Trim(argument, " \t")}
	case text(head):
		return Program{Kind: KindText}
	}
	return Program{Kind: KindUnknown}
}

// text says whether the head of a file is that of one that people read.
func text(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n <= 1 && len(head) >= utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\n\r\f\x1b", r) {
			return false
		}
		head = head[n:]
	}
	return true
}

// probeELF reads the program headers, which are all that the kernel reads:
// debug/elf reads sections too, and refuses stripped or packed files that run.
func probeELF(c io.ReaderAt, head []byte) Program {
	unknown := Program{Kind: KindUnknown}
	if len(head) < 52 || elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS64 && len(head) < 64 {
		return unknown
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	p := Program{Kind: KindStatic, Machine: elf.Machine(order.Uint16(head[18:]))}
	typ := elf.Type(order.Uint16(head[16:]))
	if typ != elf.ET_EXEC && typ != elf.ET_DYN {
		return unknown
	}
	var offset uint64
	var entry, count int
	wide := elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS64
	if wide {
		offset, entry, count = order.Uint64(head[32:]), int(order.Uint16(head[54:])), int(order.Uint16(head[56:]))
	} else {
		offset, entry, count = uint64(order.Uint32(head[28:])), int(order.Uint16(head[42:])), int(order.Uint16(head[44:]))
	}
	if want := map[bool]int{true: 56, false: 32}[wide]; entry != want || count == 0 || entry*count > headerBytes || offset > 1<<40 {
		return unknown
	}
	headers := make([]byte, entry*count)
	if _, err := c.ReadAt(headers, int64(offset)); err != nil && !errors.Is(err, io.EOF) {
		return unknown
	}
	for h := headers; len(h) > 0; h = h[entry:] {
		if elf.ProgType(order.Uint32(h)) != elf.PT_INTERP {
			continue
		}
		var at, size uint64
		if wide {
			at, size = order.Uint64(h[8:]), order.Uint64(h[32:])
		} else {
			at, size = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[16:]))
		}
		name := make([]byte, min(size, loaderBytes))
		if n, err := c.ReadAt(name, int64(min(at, 1<<40))); n < len(name) || err != nil && !errors.Is(err, io.EOF) {
			return unknown
		}
		p.Kind = KindELF
		p.Interpreter, _, _ = strings.Cut(string(name), "\x00")
		return p
	}
	return p
}

// machines are the kinds of ELF files that run on an architecture, by its name in
// Go: 64-bit processors run most of what their 32-bit forebears did.
var machines = map[string][]elf.Machine{
	"amd64":   {elf.EM_X86_64, elf.EM_386},
	"386":     {elf.EM_386},
	"arm64":   {elf.EM_AARCH64, elf.EM_ARM},
	"arm":     {elf.EM_ARM},
	"ppc64le": {elf.EM_PPC64, elf.EM_PPC},
	"s390x":   {elf.EM_S390},
	"riscv64": {elf.EM_RISCV},
}
