package controller

import (
	"net/http"
	"testing"
)

func TestRegistryHosts(t *testing.T) {
	hosts := registryHosts(http.DefaultClient, []string{"registry.test:5000"})
	for host, want := range map[string]string{
		"docker.io": "https://registry-1.docker.io", "ghcr.io": "https://ghcr.io",
		"localhost:5000": "http://localhost:5000", "127.0.0.1:80": "http://127.0.0.1:80", "[::1]:5000": "http://[::1]:5000",
		"registry.test:5000": "http://registry.test:5000", "registry.test": "https://registry.test",
	} {
		got, err := hosts(host)
		if err != nil || len(got) != 1 || got[0].Scheme+"://"+got[0].Host != want {
			t.Errorf("%s: got %+v, %v; want %s", host, got, err, want)
		}
	}
}
