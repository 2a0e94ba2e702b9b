package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// answer is what a handler returns. A body of type []byte goes out as it is.
type answer struct {
	status int
	header http.Header
	body   any
}

type object = map[string]any

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// fail is an error with GitHub's usual body; docs may be empty and is then the operation's page.
func fail(status int, message, docs string) answer {
	return answer{status: status, body: object{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}}
}

func notFound() answer { return fail(http.StatusNotFound, "Not Found", "") }

// invalid is "Validation Failed" with one error about a comment.
func invalid(code, field, message string) answer {
	detail := object{"resource": "IssueComment", "code": code, "field": field}
	if message != "" {
		detail["message"] = message
	}
	a := fail(http.StatusUnprocessableEntity, "Validation Failed", "")
	a.body.(object)["errors"] = []any{detail} //nolint:forcetypeassert // fail made it
	return a
}

// unprocessable is the other 422: its errors are sentences.
func unprocessable(sentences ...string) answer {
	a := fail(http.StatusUnprocessableEntity, "Unprocessable Entity", "")
	a.body.(object)["errors"] = []string{strings.Join(sentences, ", ")} //nolint:forcetypeassert // fail made it
	return a
}

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own maps
	}
	return string(raw)
}

const (
	defaultPerPage = 30
	maxPerPage     = 100
)

// page cuts the page that a request asks for out of a list, and links to the others.
func page[T any](s *Server, r *request, all []T) ([]T, http.Header) {
	return pageOf(s, r, all, defaultPerPage)
}

func pageOf[T any](s *Server, r *request, all []T, perPage int) ([]T, http.Header) {
	if n, err := strconv.Atoi(r.query.Get("per_page")); err == nil && n > 0 {
		perPage = min(n, maxPerPage)
	}
	number := 1
	if n, err := strconv.Atoi(r.query.Get("page")); err == nil && n > 0 {
		number = n
	}
	last := max(1, (len(all)+perPage-1)/perPage)
	var links []string
	link := func(page int, rel string) {
		query := maps.Clone(r.query)
		query.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel=%q`, s.URL, r.path, query.Encode(), rel))
	}
	if number > 1 {
		link(min(number-1, last), "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	from := min((number-1)*perPage, len(all))
	cut := all[from:min(from+perPage, len(all))]
	if len(links) == 0 {
		return cut, nil
	}
	return cut, http.Header{"Link": {strings.Join(links, ", ")}}
}
