package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Empty says that a repository has no tag, or is not there at all (distribution-spec,
// "Listing Tags"). What may not be listed is an error.
func (c *Client) Empty(ctx context.Context, repo name.Repository) (bool, error) {
	a := act{doing: "listing the tags of", target: repo.Name(), repo: repo, scope: transport.PullScope}
	var empty bool
	err := c.try(ctx, a, func(s *session) error {
		at := url.URL{Scheme: s.repo.Scheme(), Host: s.repo.RegistryStr(), Path: fmt.Sprintf("/v2/%s/tags/list", s.repo.RepositoryStr()), RawQuery: "n=1"}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return err
		}
		resp, err := s.client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound {
			empty = true
			return nil
		}
		if err := transport.CheckError(resp, http.StatusOK); err != nil {
			return err
		}
		var list struct {
			Tags []string `json:"tags"`
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, pageLimit)).Decode(&list); err != nil {
			return fmt.Errorf("reading the list of tags: %w", err)
		}
		empty = len(list.Tags) == 0
		return nil
	})
	return empty, err
}
