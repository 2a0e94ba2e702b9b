package peers

func dclint() Peer {
	return Peer{
		Name: "dclint", Version: "3.1.0, 2025-09-15", URL: "https://github.com/zavoloklom/docker-compose-linter", Reads: "Compose files",
		Rules: []Rule{
			declined("no-build-and-image", "a service with build and image", "It names what is built, as Compose documents it (https://github.com/zavoloklom/docker-compose-linter/issues/215)."),
			declined("no-duplicate-container-names", "two containers of one name", "The second does not start, and says why."),
			declined("no-duplicate-exported-ports", "one port published twice", "The second does not start, and says why; services of two profiles may share one."),
			declined("no-quotes-in-volumes", "quoted volumes", taste),
			near("no-unbound-port-interfaces", "port published on all interfaces", "of databases and of what is only developed; the rest may be meant to be reached"),
			ours("no-version-field", "the key version"),
			ours("require-project-name-field", "project without a name"),
			declined("require-quotes-in-ports", "ports without quotes", "Compose's YAML has no numbers of base 60: 22:22 is text."),
			declined("service-container-name-regex", "container name that Docker does not take", "Docker refuses it and says why."),
			declined("service-dependencies-alphabetical-order", "depends_on out of order", taste),
			near("service-image-require-explicit-tag", "image without a tag, or latest", "not of services that are built"),
			declined("service-keys-order", "keys of a service out of order", taste),
			declined("service-ports-alphabetical-order", "ports out of order", taste),
			declined("services-alphabetical-order", "services out of order", taste),
			declined("top-level-properties-order", "keys of the file out of order", taste),
		},
	}
}
