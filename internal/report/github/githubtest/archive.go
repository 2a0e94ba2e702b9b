package githubtest

import "net/http"

func (s *Server) serveArchive(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
