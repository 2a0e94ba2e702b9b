package binding

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// pairs binds what nobody says by names that only two share, and then what is left
// when it is one of each. Images that others publish are never taken for ours.
func (b *binder) pairs() {
	left := b.left()
	if len(left) == 0 {
		return
	}
	files := b.unclaimed()
	byName := map[string][]*dockerfile.File{}
	for _, f := range files {
		for _, name := range b.namesOf(f) {
			if !slices.Contains(byName[name], f) {
				byName[name] = append(byName[name], f)
			}
		}
	}
	matched := map[*dockerfile.File][]string{} // last parts of names of images, by file
	found := map[string][]*dockerfile.File{}
	affixes := b.affixes(left, byName)
	for name := range left {
		found[name] = byName[last(name)]
		if rest, ok := affixes[name]; ok && len(found[name]) == 0 {
			found[name] = byName[rest]
		}
		for _, f := range found[name] {
			if !slices.Contains(matched[f], last(name)) { // whatever the registry
				matched[f] = append(matched[f], last(name))
			}
		}
	}
	for name, containers := range left {
		fits := found[name]
		if len(fits) == 1 && len(matched[fits[0]]) == 1 {
			b.bind(containers, fits[0], ByName)
			continue
		}
		for _, c := range containers {
			for _, f := range fits { // or another name fits the same
				c.Candidates = append(c.Candidates, f.Source.Path)
			}
		}
	}
	if left, files = b.left(), b.unclaimed(); len(left) == 1 && len(files) == 1 && len(found) == 1 && len(b.Files) == 1 {
		for _, containers := range left {
			b.bind(containers, files[0], ByOnlyPair)
		}
	}
}

// left are the containers without a Dockerfile whose image may be ours, by its name.
func (b *binder) left() map[string][]*Container {
	left := map[string][]*Container{}
	for _, c := range b.Containers {
		if c.file == nil && c.Named && len(c.Candidates) == 0 && !Published(c.Ref.Name) && !b.pulled(c) {
			left[Normal(c.Ref.Name)] = append(left[Normal(c.Ref.Name)], c)
		}
	}
	return left
}

// pulled says that a service of Compose pulls the container's image and builds none.
func (b *binder) pulled(c *Container) bool {
	return c.Service != nil && c.Service.file == nil && !c.Service.Built()
}

// unclaimed are the Dockerfiles that could be released and that no image's name names.
func (b *binder) unclaimed() []*dockerfile.File {
	taken := map[*dockerfile.File]bool{}
	for name, c := range b.claimed {
		if c.by == ByConfig {
			taken[b.claims[name][0]] = true
		}
	}
	for _, c := range b.Containers {
		if c.file != nil {
			taken[c.file] = true
		}
	}
	var all []*dockerfile.File
	for _, f := range b.Files {
		if !taken[f] && !development(strings.TrimSuffix(f.Source.Path, path.Ext(f.Source.Path))+"/"+strings.TrimPrefix(path.Ext(f.Source.Path), ".")) {
			all = append(all, f)
		}
	}
	return all
}

func (b *binder) bind(containers []*Container, f *dockerfile.File, by By) {
	for _, c := range containers {
		c.file, c.By, c.Stage = f, by, b.shipped(f, "")
		if target, one := b.onlyTarget(f); one {
			c.Stage = b.shipped(f, target)
		}
		b.standFor(c, func(s *Service) bool { return s.file == f })
	}
}

// onlyTarget is the one target for more than development that services build.
func (b *binder) onlyTarget(f *dockerfile.File) (target string, one bool) {
	for _, s := range b.Services {
		if t := targetOf(s); s.file == f && t != "" && !development(t) {
			if target != "" && target != t {
				return "", false
			}
			target = t
		}
	}
	return target, target != ""
}

// generic are names of directories that say nothing about what is built.
var generic = []string{"docker", "build", "deploy", "deployment", "deployments", "container", "containers", "image", "images", "src", "app", "package", "infra", "ops", "k8s", "kubernetes", "hack", "scripts", ".docker", "compose"}

// namesOf are the names that what a Dockerfile builds may go by: its directory's, the
// part of its own name that tells it from others, its services', its package's.
func (b *binder) namesOf(f *dockerfile.File) []string {
	var all []string
	add := func(name string) {
		if name = plain(name); len(name) > 1 && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, s := range b.byFile()[f] {
		add(s.Name)
		if s.Named {
			add(last(s.Ref.Name))
		}
	}
	base := path.Base(f.Source.Path)
	for _, part := range []string{strings.TrimPrefix(base, "Dockerfile."), strings.TrimSuffix(base, ".Dockerfile"), strings.TrimSuffix(base, ".dockerfile")} {
		if part != base {
			add(part)
			return all
		}
	}
	for dir := path.Dir(f.Source.Path); dir != "." && dir != "/"; dir = path.Dir(dir) {
		add(path.Base(dir))
		if !slices.Contains(generic, strings.ToLower(path.Base(dir))) {
			break
		}
	}
	if path.Dir(f.Source.Path) == "." {
		add(packageName(f))
	}
	return all
}

func (b *binder) byFile() map[*dockerfile.File][]*Service {
	if b.builds == nil {
		b.builds = map[*dockerfile.File][]*Service{}
		for _, s := range b.Services {
			if s.file != nil && !development(targetOf(s)) {
				b.builds[s.file] = append(b.builds[s.file], s)
			}
		}
	}
	return b.builds
}

// packageName is what the project around a Dockerfile calls itself.
func packageName(f *dockerfile.File) string {
	if src := f.Lookup("package.json"); src != nil {
		var manifest struct{ Name string }
		if json.Unmarshal([]byte(src.Text), &manifest) == nil && manifest.Name != "" {
			return last(manifest.Name)
		}
	}
	if src := f.Lookup("go.mod"); src != nil {
		for line := range strings.Lines(src.Text) {
			if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
				return last(strings.TrimSpace(module))
			}
		}
	}
	return ""
}

// last is the last part of a name with slashes, in the form that is compared.
func last(name string) string { return plain(path.Base(name)) }

func plain(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// affixes are the images whose names begin, in front of a name that is known, with
// what their own repository or another such image begins with:
// "shop-web" and "shop-api", or "acme/acme-web".
func (b *binder) affixes(left map[string][]*Container, byName map[string][]*dockerfile.File) map[string]string {
	rests, prefixes := map[string]string{}, map[string]int{}
	for name := range left {
		full := last(name)
		for i, r := range full {
			if rest := full[i+1:]; r == '-' && len(rest) > 2 && len(byName[rest]) > 0 {
				rests[name] = rest
				prefixes[full[:i]]++
				break
			}
		}
	}
	for name, rest := range rests {
		prefix := strings.TrimSuffix(last(name), "-"+rest)
		if prefixes[prefix] < 2 && plain(path.Base(path.Dir(name))) != prefix {
			delete(rests, name)
		}
	}
	return rests
}

// official are the images that Docker publishes and that manifests run as they are.
//
//nolint:misspell // Eclipse writes it so
var official = strings.Fields(`adminer alpine amazoncorretto apache-couchdb arangodb backdrop bash bonita busybox caddy cassandra
	centos chronograf clojure composer consul convertigo couchbase couchdb crate debian docker drupal eclipse-mosquitto
	eclipse-temurin eggdrop elasticsearch elixir emqx erlang fedora flink fluentd friendica gcc geonetwork ghost golang gradle
	groovy haproxy haskell haxe hello-world hitch httpd hylang ibmjava influxdb irssi jenkins jetty joomla jruby julia kapacitor
	kibana kong krakend logstash lightstreamer mariadb matomo maven mediawiki memcached mongo mongo-express mysql nats
	nats-streaming neo4j neurodebian nextcloud nginx node notary odoo open-liberty openjdk oraclelinux orientdb percona perl
	photon php phpmyadmin plone postfixadmin postgres pypy python r-base rabbitmq rakudo-star redis redmine registry
	rethinkdb rocket.chat ros ruby rust sapmachine satosa silverpeas solr sonarqube spark spiped storm swift swipl telegraf
	tomcat tomee traefik ubuntu unit valkey varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper`)

// publishers own repositories whose images others run.
var publishers = strings.Fields(`bitnami bitnamilegacy prom grafana jaegertracing otel envoyproxy istio fluent openzipkin
	hashicorp confluentinc rancher minio oliver006 kubernetesui curlimages cloudflare datadog newrelic elastic opensearchproject timberio
	nginxinc alpine library amazon aquasec argoproj bitwarden cockroachdb dpage elasticmq localstack mailhog mongo-express neo4j
	oauth2-proxy openpolicyagent percona postgis pgvector portainer provectuslabs rediscommander redislabs rediscloud selenium
	semitechnologies sonatype strimzi temporalio thanosio timescale traefik vectorized velero weaveworks wurstmeister zalando
	busybox google googlecontainer gcr.io k8s gitea keycloak kong linuxserver nats-io natsio metabase jenkins axllent mher`)

// Published says that an image's name is one that others publish.
func Published(name string) bool {
	name = Normal(name)
	if !strings.Contains(name, "/") {
		return slices.Contains(official, name)
	}
	for _, prefix := range []string{
		"registry.k8s.io/", "k8s.gcr.io/", "gcr.io/google-containers/", "gcr.io/google_containers/", "gcr.io/distroless/", "gcr.io/kaniko-project/", "gcr.io/cloudsql-docker/",
		"gcr.io/cloud-sql-connectors/", "gcr.io/kubebuilder/", "gcr.io/k8s-staging", "gke.gcr.io/", "quay.io/", "mcr.microsoft.com/", "docker.elastic.co/", "public.ecr.aws/", "cgr.dev/", "ghcr.io/dexidp/", "ghcr.io/open-telemetry/",
		"nvcr.io/", "registry.access.redhat.com/", "registry.redhat.io/", "cr.l5d.io/", "docker.redpanda.com/", "registry.opensource.zalan.do/",
	} {
		if strings.HasPrefix(name, prefix) {
			return prefix != "quay.io/" || slices.Contains([]string{"prometheus", "jetstack", "coreos", "keycloak", "oauth2-proxy", "minio", "argoproj", "openshift", "cilium", "calico", "thanos", "brancz", "kiwigrid"}, strings.Split(name, "/")[1])
		}
	}
	owner, _, _ := strings.Cut(name, "/")
	return slices.Contains(publishers, owner)
}
