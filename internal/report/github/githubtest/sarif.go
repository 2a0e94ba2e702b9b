package githubtest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// maxSARIF is the size of an upload, compressed.
const maxSARIF = 10 << 20

// Upload is a SARIF file as it was uploaded, unpacked.
type Upload struct {
	SHA, Ref string
	SARIF    []byte
}

// Uploads are a repository's SARIF files, oldest first.
func (s *Server) Uploads(repo string) []Upload {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.repository(repo).uploads)
}

func (s *Server) uploadSARIF(r *request) answer {
	var sent struct {
		SHA   string `json:"commit_sha"`
		Ref   string `json:"ref"`
		SARIF string `json:"sarif"`
	}
	if refused, ok := r.decode(&sent); !ok {
		return refused
	}
	if r.repo.Private && r.repo.NoCodeScanning {
		return fail(http.StatusForbidden, "Advanced Security must be enabled for this repository to use code scanning.", "")
	}
	if r.repo.commits[sent.SHA] == nil {
		return fail(http.StatusUnprocessableEntity, "commit not found", "")
	}
	zipped, err := base64.StdEncoding.DecodeString(sent.SARIF)
	if err != nil {
		return fail(http.StatusBadRequest, "the SARIF is not base64", "")
	}
	if len(zipped) > maxSARIF {
		return fail(http.StatusRequestEntityTooLarge, "the SARIF is too large", "")
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return fail(http.StatusBadRequest, "the SARIF is not compressed with gzip", "")
	}
	sarif, err := io.ReadAll(io.LimitReader(unzipped, maxRequest))
	if err != nil || !json.Valid(sarif) {
		return fail(http.StatusBadRequest, "the SARIF is not JSON", "")
	}
	r.repo.uploads = append(r.repo.uploads, Upload{SHA: sent.SHA, Ref: sent.Ref, SARIF: sarif})
	id := fmt.Sprintf("47177e22-5596-11eb-80a1-%012x", s.next())
	return answer{http.StatusAccepted, nil, object{"id": id, "url": s.URL + "/repos/" + r.repo.Name + "/code-scanning/sarifs/" + id}}
}
