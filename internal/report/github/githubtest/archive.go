package githubtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// getTarball sends to another host, with a secret in the address when the
// repository is private.
func (s *Server) getTarball(r *request) answer {
	ref := r.values["ref"]
	c := r.repo.resolve(ref)
	if c == nil {
		return notFound()
	}
	_, port, _ := net.SplitHostPort(s.archive.Listener.Addr().String()) // of our own listener
	location := url.URL{
		Scheme: "http", Host: net.JoinHostPort(s.options.ArchiveHost, port),
		Path: "/" + r.repo.Name + "/legacy.tar.gz/" + c.SHA,
	}
	if r.repo.Private {
		secret := fmt.Sprintf("ARCHIVE%d", s.next())
		s.passes[secret] = r.repo.Name
		location.RawQuery = url.Values{"token": {secret}}.Encode()
	}
	return answer{http.StatusFound, http.Header{"Location": {location.String()}}, []byte{}}
}

// handleArchive serves the other host: no token opens it, only the secret in the address.
func (s *Server) handleArchive(w http.ResponseWriter, r *http.Request, _ []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		s.violate("%s: an Authorization header was sent to the archive host", r.URL.Path)
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method != http.MethodGet || len(parts) != 4 || parts[2] != "legacy.tar.gz" {
		http.NotFound(w, r)
		return
	}
	repo := s.repositories[strings.ToLower(parts[0]+"/"+parts[1])]
	if repo == nil || repo.commits[parts[3]] == nil || repo.Private && s.passes[r.URL.Query().Get("token")] != repo.Name {
		http.NotFound(w, r)
		return
	}
	c := repo.commits[parts[3]]
	archive := c.Archive
	if archive == nil {
		var err error
		if archive, err = pack(repo.Name, c); err != nil {
			s.violate("packing %s: %v", c.SHA, err)
		}
	}
	w.Header().Set("Content-Type", "application/x-gzip")
	_, _ = w.Write(archive)
}

// pack makes the archive that git archive would: a comment with the commit, one
// directory named after it, and all below.
func pack(name string, c *Commit) ([]byte, error) {
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
