package controller

import (
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// newTransport speaks to registries. BuildKit's own would stay open after us.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 60 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		ExpectContinueTimeout: 5 * time.Second,
	}
}

// registryHosts are Docker's defaults, with plain HTTP for localhost and the
// hosts named.
func registryHosts(client *http.Client, insecure []string) docker.RegistryHosts {
	return docker.ConfigureDefaultRegistries(
		docker.WithClient(client),
		docker.WithPlainHTTP(func(host string) (bool, error) {
			if slices.Contains(insecure, host) {
				return true, nil
			}
			return docker.MatchLocalhost(host)
		}),
	)
}
