package history

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"strings"
	"time"
)

// Pack makes the archive that git archive would: a comment with the commit, one
// directory named after it, and all below.
func Pack(name string, c *Commit) ([]byte, error) {
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	root := strings.ReplaceAll(name, "/", "-") + "-" + c.SHA[:7] + "/"
	headers := []*tar.Header{
		{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": c.SHA}},
		{Typeflag: tar.TypeDir, Name: root, Mode: 0o775},
	}
	directories := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		for i, letter := range path {
			if letter == '/' && !directories[path[:i]] {
				directories[path[:i]] = true
				headers = append(headers, &tar.Header{Typeflag: tar.TypeDir, Name: root + path[:i+1], Mode: 0o775})
			}
		}
		headers = append(headers, &tar.Header{Typeflag: tar.TypeReg, Name: root + path, Mode: 0o664, Size: int64(len(c.Files[path]))})
	}
	for _, path := range slices.Sorted(maps.Keys(c.Links)) {
		headers = append(headers, &tar.Header{Typeflag: tar.TypeSymlink, Name: root + path, Linkname: c.Links[path], Mode: 0o777})
	}
	for _, h := range headers {
		if h.Typeflag != tar.TypeXGlobalHeader {
			h.ModTime = time.Unix(1_700_000_000, 0)
		}
		if err := archive.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := archive.Write([]byte(c.Files[strings.TrimPrefix(h.Name, root)])); err != nil {
				return nil, err
			}
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err := zipped.Close() // before the bytes are read
	return b.Bytes(), err
}
