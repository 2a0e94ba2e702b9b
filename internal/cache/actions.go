package cache

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ActionsService is how GitHub's cache is reached from inside a job. The token opens
// the job's caches and is shown nowhere.
type ActionsService struct {
	URL   string // of the service, with a scheme
	Token string
	V2    bool // the service that came in 2025; its predecessor answers on GitHub Enterprise Server only
	// NoRead and NoWrite are what the runner says that the job may not do.
	NoRead, NoWrite bool
}

// ActionsFrom reads what the runner gives a container action: ACTIONS_RUNTIME_TOKEN,
// ACTIONS_RESULTS_URL, ACTIONS_CACHE_URL and ACTIONS_CACHE_MODE (actions/runner,
// ContainerActionHandler.cs). ACTIONS_CACHE_SERVICE_V2 it gives to Node.js actions
// only, so which service it is follows from where the job runs, as in actions/toolkit
// (cache/src/internal/config.ts): github.com, *.ghe.com and *.localhost have the
// second one, all others the first.
func ActionsFrom(getenv func(string) string) ActionsService {
	s := ActionsService{Token: getenv("ACTIONS_RUNTIME_TOKEN")}
	first, second := getenv("ACTIONS_CACHE_URL"), getenv("ACTIONS_RESULTS_URL")
	told, _ := strconv.ParseBool(getenv("ACTIONS_CACHE_SERVICE_V2"))
	s.V2 = second != "" && (onGitHub(getenv("GITHUB_SERVER_URL")) || told && first == "")
	switch {
	case s.V2:
		s.URL = second
	case first != "":
		s.URL = first
	default:
		s.URL = second
	}
	switch getenv("ACTIONS_CACHE_MODE") {
	case "none":
		s.NoRead, s.NoWrite = true, true
	case "read":
		s.NoWrite = true
	case "write-only":
		s.NoRead = true
	}
	return s
}

func onGitHub(server string) bool {
	if server == "" {
		return true
	}
	at, err := url.Parse(server)
	if err != nil {
		return false
	}
	host := strings.ToLower(at.Hostname())
	return host == "github.com" || strings.HasSuffix(host, ".ghe.com") || strings.HasSuffix(host, ".localhost")
}

// Check says why the cache cannot be reached, and what to do. It looks at what the
// runner gave and asks nobody: a token that is over or is none would end a build
// that names the cache.
func (s ActionsService) Check(now time.Time) error {
	switch {
	case s.Token == "":
		return errors.New("the runner gave no ACTIONS_RUNTIME_TOKEN, which actions get and scripts do not; run as an action, or keep nothing there (cache: registry or none)")
	case s.URL == "":
		return errors.New("the runner gave neither ACTIONS_RESULTS_URL nor ACTIONS_CACHE_URL: this server has no cache; keep nothing there (cache: registry or none)")
	}
	parts := strings.Split(s.Token, ".")
	if len(parts) != 3 {
		return errors.New("ACTIONS_RUNTIME_TOKEN is no token of GitHub's; leave it to the runner")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Access  *string  `json:"ac"`
		Expires *float64 `json:"exp"`
		Begins  *float64 `json:"nbf"`
	}
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Access == nil || claims.Expires == nil || claims.Begins == nil {
		return errors.New("ACTIONS_RUNTIME_TOKEN says nothing of caches; keep nothing there (cache: registry or none)")
	}
	if end := time.Unix(int64(*claims.Expires), 0); !now.Before(end) {
		return fmt.Errorf("ACTIONS_RUNTIME_TOKEN was valid until %s; a job has it for six hours", end.UTC().Format(time.RFC3339))
	}
	if begin := time.Unix(int64(*claims.Begins), 0); now.Before(begin) {
		return fmt.Errorf("ACTIONS_RUNTIME_TOKEN is valid from %s; check this machine's clock", begin.UTC().Format(time.RFC3339))
	}
	return nil
}
