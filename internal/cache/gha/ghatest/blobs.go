package ghatest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of the blob store (learn.microsoft.com, "Put Block").
const (
	maxBlock  = 4000 << 20
	maxBlocks = 50_000
)

func refuseBlob(w http.ResponseWriter, status int, code string) {
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>no</Message></Error>", code)
}

// blob is the store behind a signed address.
func (s *Server) blob(w http.ResponseWriter, r *http.Request, id string) {
	w.Header().Set("x-ms-request-id", "00000000-0000-0000-0000-000000000000")
	w.Header().Set("x-ms-version", r.Header.Get("x-ms-version"))
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("ETag", `"0x1"`)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBlock))
	if err != nil {
		refuseBlob(w, http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(s.entries) {
		refuseBlob(w, http.StatusNotFound, "BlobNotFound")
		return
	}
	e := s.entries[n-1]
	may := r.URL.Query().Get("sp")
	if r.URL.Query().Get("sig") != fmt.Sprintf("secret%d%s", n, may) || r.Header.Get("Authorization") != "" {
		refuseBlob(w, http.StatusForbidden, "AuthenticationFailed")
		return
	}
	s.log = append(s.log, r.Method+" "+e.key)
	switch {
	case r.Method == http.MethodGet && may == "r":
		s.send(w, r, e)
	case r.Method == http.MethodPut && may == "w" && !e.finished:
		s.in += int64(len(body))
		s.take(w, r, e, body)
	default:
		refuseBlob(w, http.StatusForbidden, "AuthorizationPermissionMismatch")
	}
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, e *entry) {
	if e.content == nil {
		refuseBlob(w, http.StatusNotFound, "BlobNotFound")
		return
	}
	if wanted := r.Header.Get("x-ms-range"); wanted != "" {
		r.Header.Set("Range", wanted)
	}
	counted := &counter{ResponseWriter: w}
	http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(e.content))
	s.out += counted.n
}

type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// take is Put Blob, Put Block or Put Block List.
func (s *Server) take(w http.ResponseWriter, r *http.Request, e *entry, body []byte) {
	switch r.URL.Query().Get("comp") {
	case "":
		if !strings.EqualFold(r.Header.Get("x-ms-blob-type"), "BlockBlob") {
			refuseBlob(w, http.StatusBadRequest, "InvalidHeaderValue")
			return
		}
		e.content = slices.Clone(body)
	case "block":
		if len(e.blocks) >= maxBlocks {
			refuseBlob(w, http.StatusConflict, "BlockCountExceedsLimit")
			return
		}
		e.blocks[r.URL.Query().Get("blockid")] = slices.Clone(body)
	case "blocklist":
		var list struct {
			Blocks []string `xml:",any"`
		}
		if err := xml.Unmarshal(body, &list); err != nil {
			refuseBlob(w, http.StatusBadRequest, "InvalidXmlDocument")
			return
		}
		var content []byte
		for _, id := range list.Blocks {
			block, ok := e.blocks[id]
			if !ok {
				refuseBlob(w, http.StatusBadRequest, "InvalidBlockList")
				return
			}
			content = append(content, block...)
		}
		e.content = content
	default:
		refuseBlob(w, http.StatusBadRequest, "InvalidQueryParameterValue")
		return
	}
	w.WriteHeader(http.StatusCreated)
}
