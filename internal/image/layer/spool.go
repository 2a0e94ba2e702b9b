package layer

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// spoolMemory is the size up to which the content of a file is kept in memory.
const spoolMemory = 4 << 20

// spool holds the content of the one file at hand, where the layer cannot seek.
type spool struct {
	memory []byte
	disk   *os.File
}

// fill reads size bytes and returns how to open them.
func (s *spool) fill(r io.Reader, size int64) (func() Content, error) {
	if size <= spoolMemory {
		if int64(cap(s.memory)) < size {
			s.memory = make([]byte, max(size, 64<<10))
		}
		content := s.memory[:size]
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, err
		}
		return func() Content { return bytesContent{bytes.NewReader(content)} }, nil
	}
	if s.disk == nil {
		f, err := os.CreateTemp("", "plimsoll-layer-")
		if err != nil {
			return nil, fmt.Errorf("spooling a file of %d bytes: %w", size, err)
		}
		s.disk = f
	}
	if err := s.disk.Truncate(0); err != nil {
		return nil, fmt.Errorf("spooling a file of %d bytes: %w", size, err)
	}
	if _, err := s.disk.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("spooling a file of %d bytes: %w", size, err)
	}
	if _, err := io.CopyN(s.disk, r, size); err != nil {
		return nil, err
	}
	return func() Content { return sectionContent{io.NewSectionReader(s.disk, 0, size)} }, nil
}

func (s *spool) close() {
	if s.disk != nil {
		_ = s.disk.Close()
		_ = os.Remove(s.disk.Name())
	}
}

type bytesContent struct{ *bytes.Reader }

func (bytesContent) Close() error { return nil }

type sectionContent struct{ *io.SectionReader }

func (sectionContent) Close() error { return nil }

// file opens the content of one entry.
type file struct {
	walk   *walk
	header *tar.Header
	tar    *tar.Reader
	source *source
	opened func() Content
}

func (f *file) open() (Content, error) {
	if f.opened != nil {
		return f.opened(), nil
	}
	size := f.header.Size
	if limit := f.walk.limits.FileBytes; limit > 0 && size > limit {
		return nil, &LimitError{What: "bytes in one file", Limit: limit}
	}
	if disk := f.source.file; disk != nil && !sparse(f.header) {
		at, err := disk.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if info, err := disk.Stat(); err != nil {
			return nil, err
		} else if at+size > info.Size() {
			return nil, io.ErrUnexpectedEOF
		}
		f.opened = func() Content { return sectionContent{io.NewSectionReader(disk, at, size)} }
		return f.opened(), nil
	}
	opened, err := f.walk.spool.fill(f.tar, size)
	if err != nil {
		return nil, err
	}
	f.opened = opened
	return opened(), nil
}

// sparse says whether a file lies in pieces; its size in the tar is then not
// that of its content. archive/tar keeps the records that tell.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}
